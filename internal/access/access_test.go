package access_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ours   = uuid.MustParse("11111111-1111-1111-1111-111111111111")
	theirs = uuid.MustParse("22222222-2222-2222-2222-222222222222")
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		who        access.Principal
		right      access.Right
		connection uuid.UUID
		allowed    bool
	}{
		{"viewer views", access.Principal{Role: store.Viewer}, access.View, ours, true},
		{"viewer views the server", access.Principal{Role: store.Viewer}, access.View, uuid.Nil, true},
		{"viewer operates", access.Principal{Role: store.Viewer}, access.Operate, ours, false},
		{"operator views", access.Principal{Role: store.Operator}, access.View, ours, true},
		{"operator operates", access.Principal{Role: store.Operator}, access.Operate, ours, true},
		{"operator administers", access.Principal{Role: store.Operator}, access.Administer, ours, false},
		{"admin administers the server", access.Principal{Role: store.Admin}, access.Administer, uuid.Nil, true},
		{"the server itself", access.Server(), access.Administer, uuid.Nil, true},
		{"collaborator at home", access.Principal{Role: store.Admin, Connection: ours}, access.Administer, ours, true},
		{"collaborator elsewhere", access.Principal{Role: store.Admin, Connection: ours}, access.View, theirs, false},
		{"collaborator on the server", access.Principal{Role: store.Admin, Connection: ours}, access.View, uuid.Nil, false},
		{"scope given", access.Principal{Role: store.Admin, Scopes: []string{"view"}}, access.View, ours, true},
		{"scope missing", access.Principal{Role: store.Admin, Scopes: []string{"view"}}, access.Operate, ours, false},
		{"scope above the role", access.Principal{Role: store.Viewer, Scopes: []string{"administer"}}, access.Administer, ours, false},
		{"unknown scope", access.Principal{Role: store.Admin, Scopes: []string{"*"}}, access.View, ours, false},
		{"nobody", access.Principal{}, access.View, ours, false},
		{"unknown role", access.Principal{Role: "root"}, access.View, ours, false},
		{"unknown right", access.Principal{Role: store.Admin}, "fly", ours, false},
	}
	for _, tt := range tests {
		err := tt.who.Check(tt.right, tt.connection)
		if (err == nil) != tt.allowed || (err != nil && !errors.Is(err, access.ErrRefused)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, store.Config{URL: secret.NewText(pgtest.New(t)), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := access.NewAuthenticator(s)

	token, _, err := s.CreateToken(ctx, store.Token{Name: "ci", Role: store.Operator, Scopes: []string{"view"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Token(ctx, token.Reveal())
	want := access.Principal{Name: "ci", Role: store.Operator, Scopes: []string{"view"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("token: %v (-want +got):\n%s", err, diff)
	}
	session, err := s.CreateSession(ctx, store.Holder{Name: "ann", Role: store.Viewer}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got, err = a.Session(ctx, session.Reveal())
	if diff := cmp.Diff(access.Principal{Name: "ann", Role: store.Viewer}, got); diff != "" || err != nil {
		t.Errorf("session: %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "syn_x", session.Reveal(), token.Reveal() + "x"} {
		if _, err := a.Token(ctx, bad); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("a bad token: %v", err)
		}
	}
	if _, err := a.Session(ctx, token.Reveal()); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("a token as a session: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Token(cancelled, token.Reveal()); err == nil || errors.Is(err, access.ErrUnknown) {
		t.Errorf("a store that can't be asked: %v", err)
	}
}
