package manage_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestCreateConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.connect()
	if c.Name != "shop" || c.Schema != "salesforce" || c.Status.Stage != mapping.StageAuthorized ||
		len(c.Org.OrganizationID) != 18 || c.Org.Username == "" || c.Org.Environment != "custom" {
		t.Errorf("made %+v", c)
	}
	trail, err := r.service.AuditTrail(t.Context(), admin(), "shop-1", 0, 0)
	if err != nil || len(trail) != 1 || trail[0].Action != "connection.create" || trail[0].Who != "admin" || trail[0].From != "test" {
		t.Fatalf("audit trail %+v, %v", trail, err)
	}
	password := must(url.Parse(r.target)).User.String()
	for _, hidden := range []string{orgSecret, password} {
		if strings.Contains(string(trail[0].After), hidden) {
			t.Errorf("the audit trail holds a secret: %s", trail[0].After)
		}
	}
	if _, err := r.service.CreateConnection(t.Context(), admin(), r.wish()); kindOf(err) != manage.Conflict {
		t.Errorf("the same again: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func kindOf(err error) manage.Kind {
	if p, ok := errors.AsType[*manage.Problem](err); ok {
		return p.Kind
	}
	return ""
}

func TestCreateConnectionRefusesBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sql(`DO $$ BEGIN CREATE ROLE manage_poor LOGIN PASSWORD 'poor'; EXCEPTION WHEN duplicate_object THEN END $$`)
	wrongPassword, poor := must(url.Parse(r.target)), must(url.Parse(r.target))
	wrongPassword.User = url.UserPassword(wrongPassword.User.Username(), "wrong")
	poor.User = url.UserPassword("manage_poor", "poor")
	answering := func(status int, contentType, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	silent := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = silent.Close() })

	tests := []struct {
		name   string
		change func(*manage.NewConnection)
		kind   manage.Kind
		want   string // in the error's text
	}{
		{"nothing but a name", func(n *manage.NewConnection) { *n = manage.NewConnection{Name: "x"} }, manage.Invalid, "client_id: is missing"},
		{"no name", func(n *manage.NewConnection) { n.AppName = "" }, manage.Invalid, "name: is missing"},
		{"HTML in the name", func(n *manage.NewConnection) { n.Name = "<b>" }, manage.Invalid, "name: has characters"},
		{"a database key that nobody listed", func(n *manage.NewConnection) { n.DatabaseURL, n.DBKey = secret.Text{}, "HOME" }, manage.Invalid, "SYNCLINE_DB_KEYS"},
		{"a listed key without a value", func(n *manage.NewConnection) { n.DatabaseURL, n.DBKey = secret.Text{}, "SHOP_URL" }, manage.Invalid, "does not have"},
		{"a database URL that is none", func(n *manage.NewConnection) { n.DatabaseURL = secret.NewText("::::") }, manage.Invalid, "database URL"},
		{"a wrong password", func(n *manage.NewConnection) { n.DatabaseURL = secret.NewText(wrongPassword.String()) }, manage.Invalid, "password"},
		{"a database that is not there", func(n *manage.NewConnection) {
			n.DatabaseURL = secret.NewText("postgres://u:p@127.0.0.1:1/x")
		}, manage.Unavailable, "connect to the database"},
		{"a role without rights", func(n *manage.NewConnection) { n.DatabaseURL = secret.NewText(poor.String()) }, manage.Invalid, "GRANT "},
		{"our own schema", func(n *manage.NewConnection) { n.Schema = "_syncline" }, manage.Invalid, "schema"},
		{"a login URL with a path", func(n *manage.NewConnection) { n.LoginURL += "/services" }, manage.Invalid, "login_url"},
		{"a version that the org lacks", func(n *manage.NewConnection) { n.APIVersion = "99.0" }, manage.Invalid, "api_version"},
		{"a version that is none", func(n *manage.NewConnection) { n.APIVersion = "v64" }, manage.Invalid, "api_version"},
		{"an unknown flow", func(n *manage.NewConnection) { n.Flow = "password" }, manage.Invalid, "flow"},
		{"a wrong client secret", func(n *manage.NewConnection) { n.ClientSecret = secret.NewText("wrong") }, manage.Invalid, "sign in to Salesforce"},
		{"an org that answers 401", func(n *manage.NewConnection) {
			n.LoginURL = answering(401, "application/json", `{"error":"invalid_client","error_description":"invalid client credentials"}`)
		}, manage.Invalid, "invalid client credentials"},
		{"an org that answers 403", func(n *manage.NewConnection) {
			n.LoginURL = answering(403, "application/json", `[{"errorCode":"API_DISABLED_FOR_ORG","message":"API is disabled"}]`)
		}, manage.Invalid, "sign in to Salesforce"},
		{"an org that answers 503 with HTML", func(n *manage.NewConnection) {
			n.LoginURL = answering(503, "text/html", "<html><h1>Maintenance</h1>")
		}, manage.Unavailable, "503"},
		{"an org that answers nothing", func(n *manage.NewConnection) { n.LoginURL = "http://" + silent.Addr().String() }, manage.Unavailable, "sign in to Salesforce"},
	}
	for _, tt := range tests {
		wish := r.wish()
		tt.change(&wish)
		_, err := r.service.CreateConnection(t.Context(), admin(), wish)
		p, _ := errors.AsType[*manage.Problem](err)
		if p == nil || p.Kind != tt.kind || !strings.Contains(p.Error()+p.Fix, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if strings.Contains(p.Error()+p.Fix, "wrong@") || strings.Contains(p.Error(), orgSecret) {
			t.Errorf("%s: the error holds a secret: %v", tt.name, p)
		}
	}
	if all, err := r.service.Connections(t.Context(), admin()); err != nil || len(all) != 0 {
		t.Errorf("connections after that: %v, %v", all, err)
	}
	if n := r.tables("_syncline", "salesforce"); n != 0 {
		t.Errorf("%d tables were made", n)
	}
}

func TestDatabaseKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.env["SHOP_URL"] = r.target
	wish := r.wish()
	wish.DatabaseURL, wish.DBKey = secret.Text{}, "SHOP_URL"
	c, err := r.service.CreateConnection(t.Context(), admin(), wish)
	if err != nil || c.DBKey != "SHOP_URL" {
		t.Fatalf("made %+v, %v", c, err)
	}
	if kept, _, err := r.store.DatabaseURL(t.Context(), c.ID); err != nil || kept.Reveal() != r.target {
		t.Errorf("kept URL differs, %v", err)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.connect()
	ctx := t.Context()
	elsewhere := as(store.Admin, uuid.New())
	tests := []struct {
		name string
		do   func(manage.Caller) error
		// least is the role that suffices.
		least store.Role
	}{
		{"status", func(w manage.Caller) error { _, err := r.service.Status(ctx, w, "shop-1"); return err }, store.Viewer},
		{"export", func(w manage.Caller) error { _, err := r.service.ExportConfig(ctx, w, "shop-1"); return err }, store.Viewer},
		{"logs", func(w manage.Caller) error {
			_, err := r.service.Logs(ctx, w, "shop-1", manage.LogFilter{}, -1, 0)
			return err
		}, store.Viewer},
		{"pause", func(w manage.Caller) error { return r.service.SetPaused(ctx, w, "shop-1", "", true) }, store.Operator},
		{"resume", func(w manage.Caller) error { return r.service.SetPaused(ctx, w, "shop-1", "", false) }, store.Operator},
		{"poll", func(w manage.Caller) error { return r.service.PollNow(ctx, w, "shop-1", "") }, store.Operator},
		{"import", func(w manage.Caller) error {
			_, err := r.service.ImportConfig(ctx, w, "shop-1", strings.NewReader(accounts), true)
			return err
		}, store.Admin},
		{"audit trail", func(w manage.Caller) error { _, err := r.service.AuditTrail(ctx, w, "shop-1", 0, 0); return err }, store.Admin},
		{"delete", func(w manage.Caller) error { return r.service.DeleteConnection(ctx, w, "shop-1", "shop-1", false) }, store.Admin},
	}
	order := []store.Role{store.Viewer, store.Operator, store.Admin}
	for _, tt := range tests {
		if err := tt.do(elsewhere); kindOf(err) != manage.NotFound {
			t.Errorf("%s by somebody of another connection: %v", tt.name, err)
		}
		for _, role := range order {
			if role == tt.least {
				break
			}
			if err := tt.do(as(role, c.ID)); kindOf(err) != manage.Refused {
				t.Errorf("%s by a %s: %v", tt.name, role, err)
			}
		}
		if err := tt.do(as(tt.least, c.ID)); err != nil {
			t.Errorf("%s by a %s: %v", tt.name, tt.least, err)
		}
	}
}

func TestDeleteAsksForTheName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	if err := r.service.DeleteConnection(t.Context(), admin(), "shop", "yes", true); kindOf(err) != manage.Conflict {
		t.Errorf("a wrong confirmation: %v", err)
	}
	if r.tables("salesforce") == 0 {
		t.Error("a wrong confirmation dropped the tables")
	}
	r.sql(`CREATE TABLE salesforce.own (id int)`)
	if err := r.service.DeleteConnection(t.Context(), admin(), "shop", "shop-1", true); err != nil {
		t.Fatal(err)
	}
	if n := r.tables("salesforce"); n != 1 {
		t.Errorf("%d tables are left, want the user's own", n)
	}
	if got := r.text(`SELECT coalesce(string_agg(p.oid::regprocedure::text, ' '), 'none') FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
		WHERE nspname IN ('salesforce', '_syncline') OR proname = 'get_xmlbinary'`); got != "none" {
		t.Errorf("functions are left: %s", got)
	}
	if trail, err := r.service.AuditTrail(t.Context(), admin(), "", 0, 1); err != nil || trail[0].Action != "connection.delete" {
		t.Errorf("audit trail %+v, %v", trail, err)
	}
}

// A connection that is deleted with its tables leaves its database as it was,
// unless something is in the way: then all stays, and it goes on.
func TestAConnectionIsDeletedWithAllThatIsItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	remove := func(ref string) error { return r.service.DeleteConnection(t.Context(), admin(), ref, ref, true) }
	schemas := func() string {
		return r.text(`SELECT coalesce(string_agg(nspname, ' ' ORDER BY nspname), '') FROM pg_namespace WHERE nspname IN ('salesforce', 'other', '_syncline')`)
	}
	r.connect()
	wish := r.wish()
	wish.ResourceName, wish.Schema = "shop-2", "other"
	if _, err := r.service.CreateConnection(t.Context(), admin(), wish); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"shop-1", "shop-2"} {
		if _, err := r.service.ImportConfig(t.Context(), admin(), ref, strings.NewReader(accounts), false); err != nil {
			t.Fatal(err)
		}
	}
	r.sql(`CREATE VIEW mine AS SELECT name FROM salesforce.account`)
	if err := remove("shop-1"); err == nil || !strings.Contains(err.Error(), "view mine") {
		t.Errorf("with a view on a table: %v", err)
	}
	if c, err := r.service.Find(t.Context(), admin(), "shop-1"); err != nil || c.Status.Paused || r.tables("salesforce") == 0 {
		t.Fatalf("after that: %+v, %v", c.Status, err)
	}
	r.sql(`DROP VIEW mine; ALTER TABLE salesforce.account ADD FOREIGN KEY (id) REFERENCES salesforce._trigger_log`)
	if err := remove("shop-1"); err != nil || schemas() != "_syncline other" {
		t.Errorf("%v, schemas %s", err, schemas())
	}
	r.sql(`INSERT INTO other.account (name) VALUES ('captured')`)
	if got := r.text(`SELECT state FROM other._trigger_log`); got != "NEW" {
		t.Errorf("an entry of the other connection: %s", got)
	}
	if err := remove("shop-2"); err != nil || schemas() != "" {
		t.Errorf("%v, schemas %s", err, schemas())
	}
	r.connect() // the same again, on a clean database
	if err := r.importing(accounts); err != nil {
		t.Error(err)
	}
}

func TestPauseIsIdempotent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{"", "account"} {
		for range 2 {
			if err := r.service.SetPaused(t.Context(), admin(), "", object, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	st, err := r.service.Status(t.Context(), admin(), "")
	if err != nil || st.State.Value != "PAUSED" || !st.Mappings[0].Mapping.Status.Paused {
		t.Errorf("status %+v, %v", st, err)
	}
	trail, err := r.service.AuditTrail(t.Context(), admin(), "shop-1", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	for _, e := range trail {
		if strings.HasSuffix(e.Action, ".pause") {
			pauses++
		}
	}
	if pauses != 2 {
		t.Errorf("%d pauses in the audit trail, want 2", pauses)
	}
	if err := r.service.PollNow(t.Context(), admin(), "", ""); kindOf(err) != manage.Conflict {
		t.Errorf("poll of a paused connection: %v", err)
	}
}
