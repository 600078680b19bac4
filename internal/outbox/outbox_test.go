package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/sitetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type site struct {
	*testing.T
	*outbox.Outbox
	db *pgx.Conn
}

func newSite(t *testing.T) *site {
	t.Helper()
	_, dsn := sitetest.OpenDatabase(t)
	// As the sessions of package target: no prepared statements.
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &site{T: t, Outbox: outbox.Of(uuid.New()), db: conn}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// states shows intents as "log:state/sfid".
func (s *site) states(list []outbox.Intent, err error) string {
	s.Helper()
	s.must(err)
	var out []string
	for _, i := range list {
		out = append(out, fmt.Sprintf("%d:%s/%s", i.LogID, i.State, i.Sfid))
	}
	return strings.Join(out, " ")
}

func (s *site) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestIntents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	batch, mapping := uuid.New(), uuid.New()
	at := time.Now().UTC().Truncate(time.Microsecond)
	list := []outbox.Intent{
		{Batch: batch, Position: 0, Mapping: mapping, Table: "a", LogID: 1, LogTxID: 7, LogCreatedAt: at, Hash: []byte{0, 1}, RecordID: 1,
			ExternalID: "x", Op: outbox.Upsert, Object: "A", Body: `{"n":"é\""}`},
		{Batch: batch, Position: 1, Mapping: mapping, Table: "a", LogID: 2, LogCreatedAt: at, Hash: []byte{2}, RecordID: 2, Op: outbox.Insert, Object: "A", Body: "{}"},
		{Batch: batch, Position: 2, Mapping: mapping, Table: "a", LogID: 3, LogCreatedAt: at, Hash: []byte{3}, Sfid: "003", Op: outbox.Delete, Object: "A"},
	}
	s.must(s.Put(ctx, s.db, nil))
	s.must(s.Put(ctx, s.db, list))
	got, err := s.Waiting(ctx, s.db)
	s.must(err)
	if diff := cmp.Diff(list, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if list[0].ID == 0 || list[0].ClaimedAt.IsZero() || list[0].State != outbox.Open {
		t.Errorf("not set by Put: %+v", list[0])
	}
	other, err := outbox.Of(uuid.New()).Waiting(ctx, s.db)
	if err != nil || len(other) != 0 {
		t.Errorf("another connection sees %d, %v", len(other), err)
	}

	s.must(s.MarkUnknown(ctx, s.db, []int64{list[1].ID}))
	s.want("waiting", s.states(s.Waiting(ctx, s.db)), "1:open/ 2:unknown/ 3:open/003")
	s.must(s.Accept(ctx, s.db, []int64{list[0].ID, list[2].ID}, []string{"001", "999"}))
	s.want("waiting", s.states(s.Waiting(ctx, s.db)), "2:unknown/")
	soon := time.Now().Add(time.Hour)
	s.want("touching nothing: an insert may be any record's", s.states(s.Touching(ctx, s.db, "a", nil, nil, nil, soon)), "2:unknown/")
	s.want("touching, asked before", s.states(s.Touching(ctx, s.db, "a", []int32{1}, []string{"003"}, nil, at.Add(-time.Hour))), "1:settled/001 2:unknown/ 3:settled/003")
	s.want("touching, by external ID", s.states(s.Touching(ctx, s.db, "a", nil, nil, []string{"x"}, at.Add(-time.Hour))), "1:settled/001 2:unknown/")
	s.want("touching, asked after", s.states(s.Touching(ctx, s.db, "a", []int32{1}, []string{"003"}, nil, soon)), "2:unknown/")

	next := uuid.New()
	s.must(s.Rebatch(ctx, s.db, []int64{list[1].ID}, next))
	got, err = s.Waiting(ctx, s.db)
	s.must(err)
	if len(got) != 1 || got[0].Batch != next || got[0].Position != 0 || got[0].State != outbox.Open || !got[0].ClaimedAt.After(list[1].ClaimedAt) {
		t.Errorf("moved: %+v", got)
	}
	s.must(s.Drop(ctx, s.db, []int64{list[1].ID}))
	n, err := s.Forget(ctx, s.db, time.Hour)
	if err != nil || n != 0 {
		t.Errorf("forgot %d too early, %v", n, err)
	}
	n, err = s.Forget(ctx, s.db, 0)
	if err != nil || n != 2 {
		t.Errorf("forgot %d, %v", n, err)
	}
}

func p(s string) *string { return &s }

func TestBases(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	read := func() []outbox.Base {
		t.Helper()
		list, err := s.Bases(ctx, s.db, "a", []int32{1, 2})
		s.must(err)
		return list
	}
	sorted := cmpopts.SortSlices(func(a, b outbox.Base) bool {
		return a.RecordID*10+int32(len(a.Column)) < b.RecordID*10+int32(len(b.Column))
	})
	s.must(s.RememberTheirs(ctx, s.db, []outbox.Base{
		{Table: "a", RecordID: 1, Column: "c", Base: p("b"), Theirs: p("t1"), LogID: 5}, {Table: "a", RecordID: 2, Column: "cc", LogID: 6}}))
	s.must(s.RememberTheirs(ctx, s.db, []outbox.Base{{Table: "a", RecordID: 1, Column: "c", Base: p("other"), Theirs: p("t2"), LogID: 9}}))
	want := []outbox.Base{{Table: "a", RecordID: 1, Column: "c", Base: p("b"), Theirs: p("t2"), Seen: true, LogID: 5},
		{Table: "a", RecordID: 2, Column: "cc", Seen: true, LogID: 6}}
	if diff := cmp.Diff(want, read(), sorted); diff != "" {
		t.Errorf("the first base stays, the newest value counts: %s", diff)
	}
	s.must(s.Agree(ctx, s.db, []outbox.Base{{Table: "a", RecordID: 1, Column: "c", Base: p("n"), LogID: 7}}))
	want[0] = outbox.Base{Table: "a", RecordID: 1, Column: "c", Base: p("n"), LogID: 7}
	if diff := cmp.Diff(want, read(), sorted); diff != "" {
		t.Error(diff)
	}
	s.must(s.ForgetBases(ctx, s.db, "a", 1, []string{"x"}))
	s.must(s.ForgetBases(ctx, s.db, "a", 2, nil))
	if diff := cmp.Diff(want[:1], read()); diff != "" {
		t.Error(diff)
	}
	s.must(s.ForgetBases(ctx, s.db, "a", 1, []string{"c"}))
	if left := read(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestConflictsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := outbox.Conflict{Mapping: uuid.New(), Table: "a", RecordID: 1, Sfid: "001", Column: "c", Base: p("b"), Ours: p("o"),
		Theirs: nil, Winner: "postgres", Policy: "last_writer", LogID: 5}
	later := c
	later.Theirs = p("t")
	for _, tt := range []struct{ in, want []outbox.Conflict }{
		{in: []outbox.Conflict{c, c, later}, want: []outbox.Conflict{c, later}},
		{in: []outbox.Conflict{c}},
	} {
		written, err := s.LogConflicts(t.Context(), s.db, tt.in)
		s.must(err)
		if diff := cmp.Diff(tt.want, written); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
	}
	if n, err := s.CountConflicts(t.Context(), s.db); err != nil || n != 2 {
		t.Errorf("%d conflicts, %v", n, err)
	}
}
