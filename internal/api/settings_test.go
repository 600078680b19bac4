package api_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/api"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// mapped adds a mapping, and no table, to a connection.
func (r *rig) mapped(c mapping.Connection, object string) mapping.Mapping {
	r.t.Helper()
	m, err := r.store.CreateMapping(r.t.Context(), mapping.Mapping{
		ConnectionID: c.ID, ObjectName: object, Access: mapping.ReadWrite, Fields: []string{"Id", "Name"}, PollSeconds: 600,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func TestSettingsByTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mapped(r.connection("shop"), "Account")
	c := client.New(r.url, r.token(store.Admin, uuid.Nil))
	ctx := t.Context()
	conn, err := c.ChangeConnection(ctx, "shop", client.ConnectionChange{
		Algorithm: new("merged"), Options: map[string]any{"parallel_writes": "4", "creates": "job"},
	})
	if err != nil || conn.Algorithm != "merged" || conn.Options["parallel_writes"] != 4.0 || conn.Options["creates"] != "job" {
		t.Errorf("%+v, %v", conn, err)
	}
	if conn, err = c.ChangeConnection(ctx, "shop", client.ConnectionChange{Options: map[string]any{"creates": nil}}); err != nil || len(conn.Options) != 1 {
		t.Errorf("%+v, %v", conn, err)
	}
	m, err := c.ChangeMapping(ctx, "shop", "account", client.MappingChange{
		Policy: new("postgres"), PollSeconds: new(5), Options: map[string]any{"policies": map[string]any{"Name": "salesforce"}},
	})
	if err != nil || m.Policy != "postgres" || m.PollSeconds != 5 || m.Options["policies"].(map[string]any)["Name"] != "salesforce" || m.Revision != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	for _, object := range []string{"", "Account"} {
		if err := c.Pause(ctx, "shop", object, client.Reads); err != nil {
			t.Fatal(err)
		}
		st, err := c.Status(ctx, "shop")
		if err != nil {
			t.Fatal(err)
		}
		reads, writes := st.Connection.ReadsPaused, st.Connection.WritesPaused
		if object != "" {
			reads, writes = st.Mappings[0].Mapping.ReadsPaused, st.Mappings[0].Mapping.WritesPaused
		}
		if !reads || writes {
			t.Errorf("%q: reads paused %v, writes paused %v", object, reads, writes)
		}
		if err := c.Resume(ctx, "shop", object); err != nil {
			t.Error(err)
		}
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mapped(r.connection("shop"), "Account")
	admin, operator := r.token(store.Admin, uuid.Nil), r.token(store.Operator, uuid.Nil)
	const account = "/connections/shop/mappings/Account"
	tests := []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"PATCH", "/connections/shop", operator, `{}`, 403, ""},
		{"PATCH", account, operator, `{}`, 403, ""},
		{"PATCH", account, admin, ``, 400, ""},
		{"PATCH", account, admin, `{"acces": "read_only"}`, 422, "acces"},
		{"PATCH", account, admin, `{"sf_polling_seconds": "5"}`, 422, "integer"},
		{"PATCH", account, admin, `{"sf_polling_seconds": 0}`, 422, "a whole number from 1 to 86400"},
		{"PATCH", account, admin, `{"options": []}`, 422, "object"},
		{"PATCH", account, admin, `{"options": {"fliter": "Name = null"}}`, 422, "options.fliter"},
		{"PATCH", account, admin, `{"options": {"policies": {"Phone": "postgres"}}}`, 422, "options.policies.Phone"},
		{"PATCH", "/connections/shop", admin, `{"algorithm": "fast"}`, 422, "algorithm"},
		{"PATCH", "/connections/shop/mappings/Lead", admin, `{}`, 404, "Mapped are: Account."},
		{"POST", account + "/pause?direction=up", admin, "", 422, "direction"},
		{"POST", "/connections/shop/resume?direction=both", admin, "", 422, "direction"},
	}
	for _, tt := range tests {
		a := r.ask(tt.method, api.Prefix+tt.path, tt.token, tt.body)
		if a.status != tt.status || !strings.Contains(a.body, tt.want) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, a.status, a.body)
			continue
		}
		r.problem(a)
	}
}
