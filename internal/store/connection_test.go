package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestConnectionIsReadAsWritten(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	want := mapping.Connection{
		ID: uuid.New(), Name: "Sales", AppName: "app", ResourceName: "syncline-round-1", Schema: "sf", DBKey: "DATABASE_URL",
		Org: mapping.Org{
			LoginURL: "https://login.salesforce.com", InstanceURL: "https://acme.my.salesforce.com",
			OrganizationID: "00D000000000001EAA", UserID: "005000000000001AAA", Username: "sync@example.com",
			Environment: "production", Flow: mapping.RefreshToken, ClientID: "client",
			AuthorizedAt: time.Date(2026, 11, 22, 10, 0, 0, 123000, time.UTC),
		},
		Algorithm: mapping.Merged, APIVersion: "68.0", Features: map[string]bool{"poll_db_no_merge": true},
		Options: mapping.ConnectionOptions{Creates: mapping.CreatesByJob, BulkWritesFrom: -1, PauseWrites: true},
		Status:  mapping.Status{Paused: true, Stage: mapping.StageAuthorized},
	}
	created := must[mapping.Connection](t)(s.CreateConnection(t.Context(), want, store.Secrets{}))
	want.CreatedAt, want.UpdatedAt, want.Status.Since = created.CreatedAt, created.UpdatedAt, created.Status.Since
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(created, must[mapping.Connection](t)(s.Connection(t.Context(), want.ID))); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if got := must[mapping.Connection](t)(s.ConnectionByName(t.Context(), "Sales")); got.ID != want.ID {
		t.Errorf("by name: %v", got.ID)
	}
	if got := must[[]mapping.Connection](t)(s.ConnectionsByApp(t.Context(), "app")); len(got) != 1 {
		t.Errorf("by app: %d connections", len(got))
	}
}

func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	taken := must[mapping.Connection](t)(s.Connection(ctx, id))
	refused := errors.New("refused")
	tests := map[string]struct {
		do   func() error
		want error
	}{
		"app and resource name taken": {func() error {
			_, err := s.CreateConnection(ctx, mapping.Connection{AppName: taken.AppName, ResourceName: taken.ResourceName}, store.Secrets{})
			return err
		}, store.ErrConflict},
		"read unknown":   {func() error { _, err := s.Connection(ctx, uuid.New()); return err }, store.ErrNotFound},
		"by name":        {func() error { _, err := s.ConnectionByName(ctx, "nobody"); return err }, store.ErrNotFound},
		"delete unknown": {func() error { return s.DeleteConnection(ctx, uuid.New()) }, store.ErrNotFound},
		"condition of unknown": {func() error {
			_, err := s.SetCondition(ctx, uuid.New(), uuid.Nil, mapping.SystemError, "x")
			return err
		}, store.ErrNotFound},
		"secrets of unknown": {func() error { return s.SetSecrets(ctx, uuid.New(), store.Secrets{}) }, store.ErrNotFound},
		"no database set":    {func() error { _, _, err := s.DatabaseURL(ctx, id); return err }, store.ErrNotFound},
		"mapping of unknown": {func() error {
			_, err := s.CreateMapping(ctx, mapping.Mapping{ConnectionID: uuid.New(), ObjectName: "A", Access: mapping.ReadOnly, PollSeconds: 2})
			return err
		}, store.ErrNotFound},
		"no object": {func() error {
			_, err := s.CreateMapping(ctx, mapping.Mapping{ConnectionID: id, Access: mapping.ReadOnly, PollSeconds: 2})
			return err
		}, store.ErrInvalid},
		"update that fails": {func() error {
			_, err := s.UpdateConnection(ctx, id, func(c *mapping.Connection) error { c.Name = "other"; return refused })
			return err
		}, refused},
	}
	for name, tt := range tests {
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	if got := must[mapping.Connection](t)(s.Connection(ctx, id)); got.Name != taken.Name {
		t.Errorf("a refused update changed the name to %q", got.Name)
	}
}

func TestConditionIsWrittenOnChangeOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	account := newMapping(t, s, id, "Account")
	set := func(mappingID uuid.UUID, condition mapping.Condition, cause string) bool {
		t.Helper()
		return must[bool](t)(s.SetCondition(ctx, id, mappingID, condition, cause))
	}
	if !set(uuid.Nil, mapping.DBUnavailable, "refused\x00") {
		t.Error("first condition: want a change")
	}
	first := must[mapping.Connection](t)(s.Connection(ctx, id))
	if first.Status.Condition != mapping.DBUnavailable || first.Status.Cause != "refused" {
		t.Errorf("status %+v", first.Status)
	}
	if set(uuid.Nil, mapping.DBUnavailable, "refused again") {
		t.Error("new words for the same condition: want no change")
	}
	second := must[mapping.Connection](t)(s.Connection(ctx, id))
	if !second.Status.Since.Equal(first.Status.Since) || second.Status.Cause != "refused again" || !second.UpdatedAt.Equal(first.UpdatedAt) {
		t.Errorf("since or updated moved: %+v, was %+v", second, first)
	}
	if !set(account, mapping.SystemError, "boom") || !set(account, mapping.Fine, "") || set(account, mapping.Fine, "") {
		t.Error("a mapping's condition: want change, change, none")
	}
	if !set(uuid.Nil, mapping.Fine, "") {
		t.Error("back to fine: want a change")
	}
}

func TestSecretsAreSealedAndBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	a, b := newConnection(t, s), newConnection(t, s)
	ok(t, s.SetSecrets(ctx, a, store.Secrets{DatabaseURL: secret.NewText("postgres://u:pw@h/a"), ClientSecret: secret.NewText("cs")}))
	ok(t, s.SetSecrets(ctx, a, store.Secrets{DirectURL: secret.NewText("postgres://u:pw@h/direct")}))
	url, direct, err := s.DatabaseURL(ctx, a)
	if err != nil || url.Reveal() != "postgres://u:pw@h/a" || direct.Reveal() != "postgres://u:pw@h/direct" {
		t.Errorf("got %s %s %v", url.Reveal(), direct.Reveal(), err)
	}
	var leaked bool
	ok(t, s.Pool().QueryRow(ctx, `SELECT bool_or(s::text LIKE '%' || encode('postgres', 'hex') || '%') FROM syncline.connection_secret s`).Scan(&leaked))
	if leaked {
		t.Error("a secret stands in clear in the table")
	}
	_, err = s.Pool().Exec(ctx, `UPDATE syncline.connection_secret SET database_url =
		(SELECT database_url FROM syncline.connection_secret WHERE connection = $1) WHERE connection = $2`, a, b)
	ok(t, err)
	if _, _, err := s.DatabaseURL(ctx, b); !errors.Is(err, secret.ErrTampered) || strings.Contains(err.Error(), "pw") {
		t.Errorf("a secret copied to another row: %v", err)
	}
}

func TestRekey(t *testing.T) {
	t.Parallel()
	dsn := migrated.New(t)
	old := openStore(t, dsn, testKeys)
	ctx := t.Context()
	id := newConnection(t, old)
	ok(t, old.SetSecrets(ctx, id, store.Secrets{DatabaseURL: secret.NewText("db"), ClientSecret: secret.NewText("cs")}))

	newKey := secret.NewKey()
	both := openStore(t, dsn, newKey+","+testKeys)
	if n := must[int](t)(both.Rekey(ctx)); n != 2 {
		t.Errorf("resealed %d values, want 2", n)
	}
	if n := must[int](t)(both.Rekey(ctx)); n != 0 {
		t.Errorf("second time: resealed %d values, want 0", n)
	}
	if got := must[store.Secrets](t)(openStore(t, dsn, newKey).Secrets(ctx, id)); got.ClientSecret.Reveal() != "cs" {
		t.Error("the new key alone does not open the secrets")
	}
	if _, err := old.Secrets(ctx, id); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("the old key alone: %v", err)
	}
}
