package triggerlog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type site struct {
	*testing.T
	*triggerlog.Log
	db *pgx.Conn
}

// newSite has the system tables of a schema with a name that must be quoted.
func newSite(t *testing.T) *site {
	t.Helper()
	const name = `Sales"force`
	db, dsn := sitetest.OpenDatabase(t)
	if _, err := schema.Apply(t.Context(), db, mapping.Connection{ID: uuid.New(), Schema: name}, nil); err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, Log: triggerlog.In(name), db: sitetest.Connect(t, dsn).Conn}
	s.run(`SET search_path = "Sales""force", public`)
	return s
}

func (s *site) run(sql string, args ...any) {
	s.Helper()
	if _, err := s.db.Exec(s.Context(), sql, args...); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// put adds entries, each "id state action table record [age]".
func (s *site) put(table string, lines ...string) {
	s.Helper()
	for _, l := range lines {
		f := append(strings.Fields(l), "0s")
		s.run(`INSERT INTO `+table+` (id, txid, created_at, state, action, table_name, record_id)
			VALUES ($1::text::int, 7, now() - $6::text::interval, $2, $3, $4, $5::text::int)`, f[0], f[1], f[2], f[3], f[4], f[5])
	}
}

func (s *site) want(table string, want ...string) {
	s.Helper()
	rows, err := s.db.Query(s.Context(), `SELECT concat_ws(' ', id, state, action, table_name, record_id, sfid, sf_result, sf_message) FROM `+table+` ORDER BY id`)
	s.must(err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s: %s", table, diff)
	}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func ids(entries []triggerlog.Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprint(e.ID))
	}
	return strings.Join(out, " ")
}

func (s *site) wantIDs(what string, entries []triggerlog.Entry, err error, want string) {
	s.Helper()
	s.must(err)
	if got := ids(entries); got != want {
		s.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestReading(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	s.put("_trigger_log", "3 NEW UPDATE a 1", "1 NEW INSERT a 1", "2 PENDING INSERT a 2", "4 FAILED UPDATE a 3", "5 IGNORE UPDATE a 1",
		"6 NEW UPDATE b 1", "7 SUCCESS UPDATE a 1")
	s.put("_trigger_log_archive", "8 IGNORED DELETE a 9", "9 SUCCESS INSERT a 9")
	s.run(`UPDATE _trigger_log SET sfid = '001' WHERE id = 4`)
	e, err := s.Next(ctx, s.db, 0, 2)
	s.wantIDs("next", e, err, "1 3")
	e, err = s.Next(ctx, s.db, 3, 2)
	s.wantIDs("next after 3", e, err, "6")
	e, err = s.Unsettled(ctx, s.db, "a", []int32{1, 2}, []string{"001"})
	s.wantIDs("unsettled", e, err, "1 2 3 4")
	e, err = s.OfRecords(ctx, s.db, "a", []int32{1, 9})
	s.wantIDs("of records", e, err, "1 3 5 7 8")
	e, err = s.ByID(ctx, s.db, []int32{7, 2})
	s.wantIDs("by id", e, err, "2 7")
	for table, want := range map[string]bool{"a": true, "b": true, "c": false} {
		if any, err := s.AnyUnsettled(ctx, s.db, table); err != nil || any != want {
			t.Errorf("any unsettled of %s: %v, %v", table, any, err)
		}
	}
	d, err := s.Depths(ctx, s.db)
	s.must(err)
	want := map[string]triggerlog.Depth{"a": {Unsent: 2, Pending: 1, Failed: 1}, "b": {Unsent: 1}}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(triggerlog.Depth{}, "Oldest")); diff != "" || d["a"].Oldest <= 0 {
		t.Error(d, diff)
	}
}

// TestNextTakesNothingButNew: the index is walked by range, so what sorts close to
// NEW must stay out.
func TestNextTakesNothingButNew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO _trigger_log (id, state) SELECT n, v FROM unnest(ARRAY['MERGED', 'NEV', 'NEW', 'new', 'NEW ', 'NEWER', 'NEW', NULL,
		'NEX', 'NE', '', 'NEW', 'PENDING', 'SUCCESS', 'NÉW', 'NEW']) WITH ORDINALITY AS x(v, n)`)
	for _, k := range []struct {
		after int32
		limit int
		want  []int32
	}{{0, 10, []int32{3, 7, 12, 16}}, {3, 2, []int32{7, 12}}, {16, 10, nil}, {-5, 1, []int32{3}}} {
		entries, err := s.Next(t.Context(), s.db, k.after, k.limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int32
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if diff := cmp.Diff(k.want, ids); diff != "" {
			t.Errorf("after %d, limit %d (-want +got):\n%s", k.after, k.limit, diff)
		}
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	s.put("_trigger_log", "1 NEW INSERT a 1", "2 NEW INSERT a 2", "3 NEW INSERT a 3", "4 FAILED INSERT a 4")
	n, err := s.SetState(ctx, s.db, []int32{1, 2, 4}, triggerlog.New, triggerlog.Pending)
	if err != nil || n != 2 {
		t.Errorf("claimed %d, %v", n, err)
	}
	s.run(`UPDATE _trigger_log SET state = 'IGNORED' WHERE id = 2`) // by hand, in flight
	s.must(s.Settle(ctx, s.db, nil))
	s.must(s.Settle(ctx, s.db, []triggerlog.Outcome{
		{ID: 1, State: triggerlog.Success, Sfid: "001"}, {ID: 2, State: triggerlog.Success},
		{ID: 3, State: triggerlog.Failed, Result: 1, Message: "why"}, {ID: 4, State: triggerlog.Success},
	}))
	s.want("_trigger_log", "1 SUCCESS INSERT a 1 001 0", "2 IGNORED INSERT a 2", "3 FAILED INSERT a 3 1 why", "4 FAILED INSERT a 4")
}

func TestReviveDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	revive := func(row int32, sfid string) (int, error) {
		return s.ReviveDeletes(t.Context(), s.db, "a", []triggerlog.Revival{{RecordID: row, After: 3, Sfid: sfid}})
	}
	// Row 1 was given out three times; the middle one has reached Salesforce.
	s.put("_trigger_log", "1 SUCCESS INSERT a 1", "2 IGNORE DELETE a 1", "3 PENDING INSERT a 1", "4 IGNORE DELETE a 1",
		"5 NEW INSERT a 1", "6 IGNORE DELETE a 1", "7 IGNORE DELETE b 1", "8 NEW DELETE a 2")
	n, err := revive(1, "001")
	if err != nil || n != 1 {
		t.Errorf("revived %d, %v", n, err)
	}
	n, err = revive(2, "002")
	if err != nil || n != 0 {
		t.Errorf("revived %d that was going to be sent anyway, %v", n, err)
	}
	s.want("_trigger_log", "1 SUCCESS INSERT a 1", "2 IGNORE DELETE a 1", "3 PENDING INSERT a 1", "4 NEW DELETE a 1 001",
		"5 NEW INSERT a 1", "6 IGNORE DELETE a 1", "7 IGNORE DELETE b 1", "8 NEW DELETE a 2")
}

func TestReviveDeletesOfManyRows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("_trigger_log", "1 SUCCESS INSERT a 1", "2 SUCCESS INSERT a 2", "3 IGNORE DELETE a 2", "4 IGNORE DELETE a 1",
		"5 SUCCESS INSERT a 3", "6 NEW DELETE a 3", "7 IGNORE DELETE a 3", "8 IGNORE DELETE a 4")
	n, err := s.ReviveDeletes(t.Context(), s.db, "a", []triggerlog.Revival{
		{RecordID: 1, After: 1, Sfid: "001"}, {RecordID: 2, After: 2, Sfid: "002"}, {RecordID: 3, After: 5, Sfid: "003"},
	})
	if err != nil || n != 2 {
		t.Errorf("revived %d, %v", n, err)
	}
	if n, err = s.ReviveDeletes(t.Context(), s.db, "a", nil); err != nil || n != 0 {
		t.Errorf("revived %d of none, %v", n, err)
	}
	s.want("_trigger_log", "1 SUCCESS INSERT a 1", "2 SUCCESS INSERT a 2", "3 NEW DELETE a 2 002", "4 NEW DELETE a 1 001",
		"5 SUCCESS INSERT a 3", "6 NEW DELETE a 3", "7 IGNORE DELETE a 3", "8 IGNORE DELETE a 4")
}

func TestArchiveRequeuePurge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	s.put("_trigger_log", "1 SUCCESS INSERT a 1", "2 MERGED INSERT a 2", "3 IGNORED UPDATE a 3", "4 REQUEUED UPDATE a 4",
		"5 READONLY UPDATE a 5 2h", "6 READONLY UPDATE a 6", "7 IGNORE UPDATE a 7 2h", "8 IGNORE UPDATE a 8",
		"9 FAILED UPDATE a 9 40d", "10 FAILED UPDATE a 10 2h", "11 NEW UPDATE a 11 40d", "12 PENDING INSERT a 12 40d", "13 IGNORE DELETE a 12 2h")
	n, err := s.Archive(ctx, s.db, time.Hour, 31*24*time.Hour, 3)
	if err != nil || n != 3 {
		t.Errorf("archived %d, %v", n, err)
	}
	n, err = s.Archive(ctx, s.db, time.Hour, 31*24*time.Hour, 100)
	if err != nil || n != 4 {
		t.Errorf("archived %d, %v", n, err)
	}
	s.want("_trigger_log", "6 READONLY UPDATE a 6", "8 IGNORE UPDATE a 8", "10 FAILED UPDATE a 10", "11 NEW UPDATE a 11",
		"12 PENDING INSERT a 12", "13 IGNORE DELETE a 12")
	s.want("_trigger_log_archive", "1 SUCCESS INSERT a 1", "2 MERGED INSERT a 2", "3 IGNORED UPDATE a 3", "4 REQUEUED UPDATE a 4",
		"5 READONLY UPDATE a 5", "7 IGNORED UPDATE a 7", "9 FAILED UPDATE a 9")
	e, err := s.Failed(ctx, s.db, "", 50*24*time.Hour, 10)
	s.wantIDs("failed", e, err, "10 9")
	e, err = s.Failed(ctx, s.db, "a", 3*time.Hour, 10)
	s.wantIDs("failed lately", e, err, "10")

	s.run(`SELECT setval('_trigger_log_id_seq', 99)`)
	s.run(`UPDATE _trigger_log_archive SET state = 'REQUEUE' WHERE id IN (2, 9)`)
	n, err = s.Requeue(ctx, s.db, 10)
	if err != nil || n != 2 {
		t.Errorf("requeued %d, %v", n, err)
	}
	e, err = s.Next(ctx, s.db, 11, 10)
	s.wantIDs("requeued", e, err, "100 101")
	if e[0].RecordID != 2 || e[1].RecordID != 9 || e[0].TxID == 7 {
		t.Errorf("requeued %+v", e)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("_trigger_log_archive", "1 SUCCESS INSERT a 1 40d", "2 SUCCESS INSERT a 2 40d", "3 SUCCESS INSERT a 3 2h", "4 FAILED UPDATE a 4 40d",
		"5 FAILED UPDATE a 5 70d", "6 FAILED UPDATE a 6 70d", "7 REQUEUE UPDATE a 7 70d", "8 IGNORED UPDATE a 8 31d")
	s.run(`UPDATE _trigger_log_archive SET processed_at = now() - interval '5 days' WHERE id IN (2, 6)`)
	day := 24 * time.Hour
	for _, want := range []int{2, 1, 0} {
		if n, err := s.Purge(t.Context(), s.db, 30*day, 62*day, 2); err != nil || n != want {
			t.Errorf("purged %d, %v; want %d", n, err, want)
		}
	}
	s.want("_trigger_log_archive", "2 SUCCESS INSERT a 2", "3 SUCCESS INSERT a 3", "4 FAILED UPDATE a 4", "6 FAILED UPDATE a 6", "7 REQUEUE UPDATE a 7")
}

func TestHashTellsChangesApart(t *testing.T) {
	t.Parallel()
	a, b, empty := "a", "b", ""
	seen := map[string]triggerlog.Entry{}
	for _, e := range []triggerlog.Entry{
		{}, {Old: &empty}, {Values: &empty}, {Old: &a}, {Values: &a}, {Values: &b}, {Old: &a, Values: &b}, {Old: &b, Values: &a},
		{Action: "a"}, {Table: "a"}, {RecordID: 1},
	} {
		if other, ok := seen[string(e.Hash())]; ok {
			t.Errorf("%+v and %+v have one hash", e, other)
		}
		seen[string(e.Hash())] = e
	}
	if string((triggerlog.Entry{ID: 1, State: triggerlog.New}).Hash()) != string((triggerlog.Entry{ID: 2, State: triggerlog.Failed}).Hash()) {
		t.Error("id and state are not part of the change")
	}
}
