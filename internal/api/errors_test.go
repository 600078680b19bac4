package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

// Where there are two connections, the one that the path names is meant, on
// every path that names one.
func TestEachPathTakesItsConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connection("shop")
	r.connection("crm")
	token := r.token(store.Admin, uuid.Nil)
	const base = "/api/syncline/v1/connections/"
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"GET", "/status", ""}, {"GET", "/mappings", ""}, {"GET", "/mappings/Account", ""},
		{"GET", "/mappings/Account/history/1", ""}, {"GET", "/config", ""}, {"GET", "/write-errors?limit=1", ""}, {"GET", "/events?limit=1", ""},
		{"GET", "/errors?archived=true", ""}, {"GET", "/errors/entries?group=x&limit=1", ""}, {"GET", "/errors/entries/1", ""},
		{"POST", "/errors/retry", `{"all":true}`}, {"POST", "/errors/ignore", `{"ids":[1]}`}, {"POST", "/errors/edit", `{"ids":[1],"values":{"a":null}}`},
		{"POST", "/errors/entries/1/resolve", `{"send_again":true}`}, {"GET", "/holds?all=true", ""},
		{"POST", "/mappings/Account/poll", ""}, {"POST", "/verify", `{"mappings":["Account"]}`}, {"DELETE", "?confirm=no", ""},
	} {
		known := r.ask(tt.method, base+"crm"+tt.path, token, tt.body)
		if strings.Contains(known.body, "answer to") || strings.Contains(known.body, "not in the form") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, known.status, known.body)
		}
		unknown := r.ask(tt.method, base+"nobody"+tt.path, token, tt.body)
		if unknown.status != http.StatusNotFound || !strings.Contains(unknown.body, `nobody`) {
			t.Errorf("%s %s of no connection: %d %s", tt.method, tt.path, unknown.status, unknown.body)
		}
	}
}
