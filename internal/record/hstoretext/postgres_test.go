package hstoretext_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// server asks a real Postgres what it makes of a text.
type server struct{ conn *pgx.Conn }

func connect(t testing.TB) *server {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &server{conn: conn}
}

// parse gives the hstore as Postgres prints it and its pairs in that order; ok
// is false if Postgres refuses the text.
func (s *server) parse(ctx context.Context, t testing.TB, text string) (printed string, pairs []hstoretext.Pair, ok bool) {
	t.Helper()
	const query = `SELECT h::text, akeys(h), avals(h) FROM (SELECT $1::text::hstore) AS x(h)`
	var keys []string
	var values []*string
	err := s.conn.QueryRow(ctx, query, text).Scan(&printed, &keys, &values)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return "", nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		p := hstoretext.Pair{Key: key, Null: values[i] == nil}
		if values[i] != nil {
			p.Value = *values[i]
		}
		pairs = append(pairs, p)
	}
	return printed, pairs, true
}

// check holds Parse and Append to what the server says.
func (s *server) check(ctx context.Context, t testing.TB, text string) {
	t.Helper()
	printed, want, ok := s.parse(ctx, t, text)
	got, err := hstoretext.Parse(text)
	if ok != (err == nil) {
		t.Fatalf("%q: Postgres accepts: %v; Parse: %v, %v", text, ok, got, err)
	}
	if !ok {
		return
	}
	if len(got) != len(want) || (len(want) > 0 && !cmp.Equal(want, got)) {
		t.Fatalf("%q: %s", text, cmp.Diff(want, got))
	}
	if again := string(hstoretext.Append(nil, got)); again != printed {
		t.Fatalf("%q: printed as %s, Postgres prints %s", text, again, printed)
	}
}

func TestAgreesWithPostgres(t *testing.T) {
	t.Parallel()
	s := connect(t)
	for _, tt := range cases {
		s.check(t.Context(), t, tt.in)
	}
}

func FuzzAgreesWithPostgres(f *testing.F) {
	for _, tt := range cases {
		f.Add(tt.in)
	}
	s := connect(f)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, '\v') {
			t.Skip("servers differ on a bare vertical tab")
		}
		s.check(t.Context(), t, text)
	})
}
