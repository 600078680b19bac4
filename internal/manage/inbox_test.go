package manage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/sandbox"
)

const twoMappings = `{"version": 1, "mappings": [
	{"object_name": "Account", "config": {"access": "read_write", "fields": {"Id": {}, "SystemModstamp": {}, "Name": {}, "Phone": {}}}},
	{"object_name": "Contact", "config": {"access": "read_write", "fields": {"Id": {}, "SystemModstamp": {}, "LastName": {}}}}]}`

// withErrors is a connection with two failures of Account and one insert of
// unknown outcome, log id 3.
func withErrors(t *testing.T) (*rig, mapping.Connection) {
	t.Helper()
	r := newRig(t)
	conn := r.connect()
	if err := r.importing(twoMappings); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce._trigger_log (state, action, table_name, record_id, "values", sf_message, sf_result, processed_at) VALUES
		('FAILED', 'UPDATE', 'account', 7, '"phone"=>"1"', 'REQUIRED_FIELD_MISSING: Required fields are missing: [Name] [Name]', 1, now()),
		('FAILED', 'UPDATE', 'account', 8, '"phone"=>"1"', 'REQUIRED_FIELD_MISSING: Required fields are missing: [Name] [Name]', 1, now()),
		('PENDING', 'INSERT', 'account', 9, '"name"=>"A"', NULL, NULL, NULL)`)
	r.sql(fmt.Sprintf(`INSERT INTO _syncline.intent (connection_id, batch, position, mapping, table_name, log_id, record_id, op, object, body, state, claimed_at)
		VALUES ('%s', gen_random_uuid(), 0, gen_random_uuid(), 'account', 3, 9, 'insert', 'Account', '{"Name":"A"}', 'unknown', now() - interval '1 hour');
		SET syncline.capture = 'off'; INSERT INTO salesforce.account (id, name) VALUES (9, 'A')`, conn.ID))
	return r, conn
}

func (r *rig) state(id int) (state, sfid string) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.target)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.t.Context())) }()
	if err := conn.QueryRow(r.t.Context(), `SELECT state, coalesce(sfid, '') FROM salesforce._trigger_log WHERE id = $1`, id).Scan(&state, &sfid); err != nil {
		r.t.Fatal(err)
	}
	return state, sfid
}

// create makes a record in the org and returns its Id.
func (r *rig) create(object, body string) string {
	r.t.Helper()
	var token struct {
		Access string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sandbox.ProductClientID}, "client_secret": {orgSecret}}
	r.post("/services/oauth2/token", "application/x-www-form-urlencoded", "", form.Encode(), &token)
	var made struct{ ID string }
	r.post("/services/data/v60.0/sobjects/"+object, "application/json", token.Access, body, &made)
	return made.ID
}

func (r *rig) post(path, contentType, token, body string, out any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.org.URL()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil || res.StatusCode/100 != 2 {
		r.t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
}

func (r *rig) actions() []string {
	r.t.Helper()
	trail, err := r.service.AuditTrail(r.t.Context(), admin(), "", 0, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, e := range trail {
		out = append(out, e.Action)
	}
	return out
}

func TestErrors(t *testing.T) {
	t.Parallel()
	r, conn := withErrors(t)
	ctx := t.Context()
	viewer := as(store.Viewer, conn.ID)
	groups, err := r.service.Errors(ctx, viewer, "", manage.ErrorFilter{Object: "account"})
	if err != nil || len(groups) != 2 || groups[0].Count != 2 || groups[1].Kind != inbox.Unknown {
		t.Fatalf("groups %+v, %v", groups, err)
	}
	if _, err := r.service.RetryErrors(ctx, viewer, "", manage.ErrorAction{All: true}, false); !errors.Is(err, access.ErrRefused) {
		t.Errorf("a viewer retries: %v", err)
	}
	if _, err := r.service.Errors(ctx, as(store.Admin, uuid.New()), conn.ID.String(), manage.ErrorFilter{}); err == nil {
		t.Error("somebody of another connection sees the errors")
	}
	wantProblem(t, second(r.service.RetryErrors(ctx, admin(), "", manage.ErrorAction{}, false)), manage.Invalid, "not said which")
	wantProblem(t, second(r.service.Errors(ctx, admin(), "", manage.ErrorFilter{Object: "Nonsense"})), manage.NotFound, "Nonsense")
	wantProblem(t, second(r.service.ErrorDetail(ctx, admin(), "", 99)), manage.NotFound, "no log entry 99")
	value := "x"
	action := manage.ErrorAction{Filter: manage.ErrorFilter{IDs: []int32{1}}}
	wantProblem(t, second(r.service.EditErrors(ctx, admin(), "", action, inbox.Values{"nope": &value})), manage.Invalid, "no such mapped column")

	operator := as(store.Operator, conn.ID)
	o, err := r.service.RetryErrors(ctx, operator, "", manage.ErrorAction{Filter: manage.ErrorFilter{Group: groups[0].Key}}, false)
	if err != nil || o.Done != 2 {
		t.Errorf("retry: %+v, %v", o, err)
	}
	if state, _ := r.state(2); state != "NEW" {
		t.Errorf("state %s", state)
	}
	if a := r.actions(); a[0] != "errors.retry" || slices.Contains(a, "errors.edit") {
		t.Errorf("audit trail %v", a)
	}
	// Nothing done, nothing written down.
	if o, err := r.service.IgnoreErrors(ctx, operator, "", action, false); err != nil || o.Done != 0 || len(o.Skipped) != 1 {
		t.Errorf("ignore: %+v, %v", o, err)
	}
	if a := r.actions(); a[0] != "errors.retry" {
		t.Errorf("audit trail %v", a)
	}
}

func TestResolveError(t *testing.T) {
	t.Parallel()
	r, _ := withErrors(t)
	ctx := t.Context()
	resolve := func(id int32, a manage.ErrorAnswer) error {
		_, _, err := r.service.ResolveError(ctx, admin(), "", id, a)
		return err
	}
	wantProblem(t, resolve(3, manage.ErrorAnswer{}), manage.Invalid, "not said what")
	wantProblem(t, resolve(3, manage.ErrorAnswer{Arrived: "003000000000001AAA"}), manage.Invalid, "begin with 001")
	wantProblem(t, resolve(3, manage.ErrorAnswer{Arrived: "001000000000009AAA"}), manage.Invalid, "no record")
	wantProblem(t, resolve(1, manage.ErrorAnswer{SendAgain: true}), manage.Conflict, "is not unknown")
	id := r.create("Account", `{"Name":"A"}`)
	sfid, seen, err := r.service.ResolveError(ctx, as(store.Operator, uuid.Nil), "", 3, manage.ErrorAnswer{Arrived: id[:15]})
	if err != nil || !seen || sfid != id {
		t.Fatalf("%s: %s %v %v", id, sfid, seen, err)
	}
	if state, got := r.state(3); state != "SUCCESS" || got != id {
		t.Errorf("entry %s %s", state, got)
	}
	wantProblem(t, resolve(3, manage.ErrorAnswer{Arrived: id}), manage.Conflict, "is not unknown")
	if a := r.actions(); a[0] != "errors.resolve" {
		t.Errorf("audit trail %v", a)
	}
}

// The word of a person stands where the org can't be asked.
func TestResolveErrorWithoutTheOrg(t *testing.T) {
	t.Parallel()
	r, _ := withErrors(t)
	if err := r.org.Close(); err != nil {
		t.Fatal(err)
	}
	sfid, seen, err := r.service.ResolveError(t.Context(), admin(), "", 3, manage.ErrorAnswer{Arrived: "001000000000009AAA"})
	if err != nil || seen || sfid != "001000000000009AAA" {
		t.Fatalf("%s %v %v", sfid, seen, err)
	}
	if state, _ := r.state(3); state != "SUCCESS" {
		t.Errorf("entry %s", state)
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	r, conn := withErrors(t)
	ctx := t.Context()
	mappings, err := r.service.Mappings(ctx, admin(), "")
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(ctx, r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	for _, d := range []brake.Direction{brake.Read, brake.Write} {
		_, _, err = brake.Of(conn.ID).Check(ctx, db, brake.Run{Mapping: mappings[0].ID, Direction: d, Deletes: 2000, Of: 2001, Reason: "gone", Limits: brake.Limits{Rows: 1, Percent: 1}})
		if err != nil {
			t.Fatal(err)
		}
	}
	list, err := r.service.Holds(ctx, as(store.Viewer, conn.ID), "", false)
	if err != nil || len(list) != 2 || list[0].Object != mappings[0].ObjectName || list[0].Rows != 2000 {
		t.Fatalf("holds %+v, %v", list, err)
	}
	if err := r.service.DecideHold(ctx, as(store.Viewer, conn.ID), "", list[0].ID, true); !errors.Is(err, access.ErrRefused) {
		t.Errorf("a viewer decides: %v", err)
	}
	for i, release := range []bool{true, false} {
		if err := r.service.DecideHold(ctx, admin(), "", list[i].ID, release); err != nil {
			t.Errorf("decide: %v", err)
		}
		wantProblem(t, r.service.DecideHold(ctx, admin(), "", list[i].ID, release), manage.Conflict, "decided already")
	}
	if list, err = r.service.Holds(ctx, admin(), "", false); err != nil || len(list) != 0 {
		t.Errorf("holds %+v, %v", list, err)
	}
	if list, err = r.service.Holds(ctx, admin(), "", true); err != nil || len(list) != 2 || list[0].Decision != brake.Release || list[0].DecidedBy != "admin" {
		t.Errorf("holds %+v, %v", list, err)
	}
	if a := r.actions(); a[0] != "brake.discard" || a[1] != "brake.release" {
		t.Errorf("audit trail %v", a)
	}
}

func second[T any](_ T, err error) error { return err }

func wantProblem(t *testing.T, err error, kind manage.Kind, what string) {
	t.Helper()
	p, ok := errors.AsType[*manage.Problem](err)
	if !ok || p.Kind != kind || !strings.Contains(p.What, what) || p.Fix == "" {
		t.Errorf("got %v, want %s: %s, with what to do", err, kind, what)
	}
}
