package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

func TestDescribeCache(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	for _, body := range []string{`{"label": "old"}`, `{"label": "a\\u0000\u0000b"}`} {
		ok(t, s.PutDescribe(ctx, id, store.Describe{Object: "Account", Body: json.RawMessage(body), LastModified: "Mon"}))
	}
	got := must[store.Describe](t)(s.Describe(ctx, id, "Account"))
	if string(got.Body) != `{"label": "a\\u0000b"}` || got.LastModified != "Mon" || got.FetchedAt.IsZero() {
		t.Errorf("got %+v, body %s", got, got.Body)
	}
	ok(t, s.ForgetDescribes(ctx, id))
	if _, err := s.Describe(ctx, id, "Account"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after forgetting: %v", err)
	}
}

func TestAuditIsWrittenWithTheChangeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	refused := errors.New("refused")
	change := func(name string, outcome error) error {
		return s.InTx(ctx, func(tx *store.Tx) error {
			c, err := tx.CreateConnection(ctx, mapping.Connection{Name: name}, store.Secrets{})
			if err != nil {
				return err
			}
			_, err = tx.AppendAudit(ctx, store.AuditEntry{
				Who: "ann", From: "127.0.0.1", Action: "connection.create", Subject: name, Connection: c.ID, After: json.RawMessage(`{"name": "x"}`),
			})
			return errors.Join(err, outcome)
		})
	}
	ok(t, change("one", nil))
	if err := change("two", refused); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	ok(t, change("three", nil))
	trail := must[[]store.AuditEntry](t)(s.AuditTrail(ctx, uuid.Nil, 0, 10))
	var subjects []string
	for _, e := range trail {
		subjects = append(subjects, e.Subject)
	}
	if diff := cmp.Diff([]string{"three", "one"}, subjects); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	ok(t, s.DeleteConnection(ctx, trail[0].Connection))
	if got := must[[]store.AuditEntry](t)(s.AuditTrail(ctx, trail[0].Connection, 0, 10)); len(got) != 1 || string(got[0].After) != `{"name": "x"}` {
		t.Errorf("the trail of a deleted connection: %+v", got)
	}
	if got := must[[]store.AuditEntry](t)(s.AuditTrail(ctx, uuid.Nil, trail[0].ID, 10)); len(got) != 1 {
		t.Errorf("the next page has %d entries", len(got))
	}
	for _, sql := range []string{`UPDATE syncline.audit SET who = 'x'`, `DELETE FROM syncline.audit`, `TRUNCATE syncline.audit`} {
		if _, err := s.Pool().Exec(ctx, sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id, account := newConnection(t, s), uuid.New()
	events := []store.Event{
		{Connection: id, Level: "info", Event: "poll done", State: "IDLE", Fields: map[string]any{"rows": 3.0, "text": "a\x00b"}},
		{Connection: id, Mapping: account, Level: "error", Event: "write failed"},
		{Connection: uuid.New(), Level: "info", Event: "of a connection that is gone"},
		{Level: "info", Event: "of the server"},
	}
	ok(t, s.AddEvents(ctx, events))
	ok(t, s.AddEvents(ctx, nil))
	events[0].Fields["text"] = "ab"
	find := func(f store.EventFilter) []store.Event { return must[[]store.Event](t)(s.Events(ctx, f, 0, 10)) }
	tests := map[string]struct {
		filter store.EventFilter
		want   []store.Event
	}{
		"all":        {store.EventFilter{}, []store.Event{events[0], events[1], events[3]}},
		"connection": {store.EventFilter{Connection: id}, events[:2]},
		"mapping":    {store.EventFilter{Mapping: account}, events[1:2]},
		"level":      {store.EventFilter{Levels: []string{"error", "warn"}}, events[1:2]},
		"search":     {store.EventFilter{Search: "POLL"}, events[:1]},
		"percent":    {store.EventFilter{Search: "%"}, nil},
	}
	opts := cmp.Options{cmpopts.IgnoreFields(store.Event{}, "ID", "At"), cmpopts.EquateEmpty()}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, find(tt.filter), opts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	all := find(store.EventFilter{})
	if rest := must[[]store.Event](t)(s.Events(ctx, store.EventFilter{}, all[0].ID, 1)); len(rest) != 1 || rest[0].ID != all[1].ID {
		t.Errorf("after the first: %+v", rest)
	}
	if newest := must[[]store.Event](t)(s.EventsBefore(ctx, store.EventFilter{}, 0, 1)); len(newest) != 1 || newest[0].ID != all[2].ID {
		t.Errorf("newest: %+v", newest)
	}
	if err := s.AddEvents(ctx, []store.Event{{Fields: map[string]any{"f": func() {}}}}); err == nil {
		t.Error("a field that is not JSON was taken")
	}
}

// Who follows the log sees every event, whoever writes at the same time.
func TestFollowingMissesNoEvent(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	const writers, each = 4, 15
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.AddEvents(ctx, []store.Event{{Level: "info", Event: fmt.Sprintf("%d/%d", w, i)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen, last := 0, int64(0)
	for finished := false; ; {
		events := must[[]store.Event](t)(s.Events(ctx, store.EventFilter{}, last, 7))
		if len(events) > 0 {
			seen, last = seen+len(events), events[len(events)-1].ID
			continue
		}
		if finished {
			break
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
	if seen != writers*each {
		t.Errorf("saw %d events of %d", seen, writers*each)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	text, made, err := s.CreateToken(ctx, store.Token{Name: "ci", Role: store.Operator, Scopes: []string{"read"}, Connection: id}, time.Hour)
	ok(t, err)
	if !strings.HasPrefix(text.Reveal(), "syn_") || len(text.Reveal()) != 47 || made.ExpiresAt.Before(made.CreatedAt) {
		t.Errorf("token of %d characters, %+v", len(text.Reveal()), made)
	}
	must[store.Token](t)(s.VerifyToken(ctx, text.Reveal()))
	got := must[store.Token](t)(s.VerifyToken(ctx, text.Reveal()))
	if got.LastUsedAt.IsZero() {
		t.Error("last use is not kept")
	}
	made.LastUsedAt = got.LastUsedAt
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("verified (-want +got):\n%s", diff)
	}
	expired, _, err := s.CreateToken(ctx, store.Token{Name: "old", Role: store.Viewer}, -time.Second)
	ok(t, err)
	wrong := strings.Map(func(r rune) rune {
		if r == 'a' {
			return 'b'
		}
		return 'a'
	}, text.Reveal()[4:])
	for name, bad := range map[string]string{
		"empty": "", "prefix only": "syn_", "unknown": "syn_" + wrong, "cut": text.Reveal()[:46], "expired": expired.Reveal(),
		"longer": text.Reveal() + "x", "no prefix": text.Reveal()[4:], "NUL": "syn_" + strings.Repeat("\x00", 43),
	} {
		if _, err := s.VerifyToken(ctx, bad); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.CreateToken(ctx, store.Token{Name: "x", Role: "root"}, 0); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("unknown role: %v", err)
	}
	if forever := must[[]store.Token](t)(s.Tokens(ctx, uuid.Nil)); len(forever) != 2 {
		t.Errorf("%d tokens", len(forever))
	}
	ok(t, s.DeleteToken(ctx, made.ID))
	if err := s.DeleteToken(ctx, made.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := s.VerifyToken(ctx, text.Reveal()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a deleted token: %v", err)
	}
}

func TestSignInIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	want := store.Holder{Name: "demo", Role: store.Admin}
	text, err := s.CreateSignIn(ctx, want, time.Hour)
	ok(t, err)
	if got := must[store.Holder](t)(s.UseSignIn(ctx, text.Reveal())); got != want {
		t.Errorf("got %+v", got)
	}
	if _, err := s.UseSignIn(ctx, text.Reveal()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	late, err := s.CreateSignIn(ctx, want, -time.Second)
	ok(t, err)
	if _, err := s.UseSignIn(ctx, late.Reveal()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	want := store.Holder{Name: "ann", Role: store.Viewer, Connection: newConnection(t, s)}
	text, err := s.CreateSession(ctx, want, time.Hour)
	ok(t, err)
	if got := must[store.Holder](t)(s.Session(ctx, text.Reveal())); got != want {
		t.Errorf("got %+v", got)
	}
	ok(t, s.EndSession(ctx, text.Reveal()))
	if _, err := s.Session(ctx, text.Reveal()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended: %v", err)
	}
	if _, err := s.VerifyToken(ctx, text.Reveal()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session as a token: %v", err)
	}
}

func TestCallsAddUp(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id, ledger := newConnection(t, s), uuid.New()
	save := func(ledger uuid.UUID, seq, block int64, counts ...budget.Count) {
		t.Helper()
		ok(t, s.SaveCalls(ctx, budget.Save{Connection: id, Ledger: ledger, Seq: seq, Counts: counts, Block: block}))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			save(uuid.New(), 1, 0, budget.Count{Mapping: "Account", Kind: "query", Purpose: "poll", Calls: 2},
				budget.Count{Kind: "limits", Calls: 1}, budget.Count{Kind: "limits", Calls: 1})
		})
	}
	wg.Wait()
	want := []budget.Count{{Kind: "limits", Calls: 16}, {Mapping: "Account", Kind: "query", Purpose: "poll", Calls: 16}}
	if diff := cmp.Diff(want, must[[]budget.Count](t)(s.Calls(ctx, id, time.Time{}))); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for range 2 { // the answer was lost, or this comes late
		save(ledger, 1, 100, budget.Count{Kind: "limits", Calls: 1})
	}
	want[0].Calls++
	if diff := cmp.Diff(want, must[[]budget.Count](t)(s.Calls(ctx, id, time.Time{}))); diff != "" {
		t.Errorf("with a reservation of a ledger that lives (-want +got):\n%s", diff)
	}
	_, err := s.Pool().Exec(ctx, `UPDATE syncline.api_block SET at = at - interval '1 minute'`)
	ok(t, err)
	dead := append([]budget.Count{want[0], {Kind: store.KindReserved, Calls: 100}}, want[1])
	if diff := cmp.Diff(dead, must[[]budget.Count](t)(s.Calls(ctx, id, time.Time{}))); diff != "" {
		t.Errorf("with a reservation of one that is dead (-want +got):\n%s", diff)
	}
	save(ledger, 2, 0)
	save(ledger, 1, 100, budget.Count{Kind: "limits", Calls: 1})
	if diff := cmp.Diff(want, must[[]budget.Count](t)(s.Calls(ctx, id, time.Time{}))); diff != "" {
		t.Errorf("with the reservation given back (-want +got):\n%s", diff)
	}
	ok(t, s.SetUsage(ctx, id, budget.Usage{Used: 18, Max: 15000}))
	if got := must[budget.Usage](t)(s.Usage(ctx, id)); got.Used != 18 || got.Max != 15000 || got.At.IsZero() {
		t.Errorf("usage %+v", got)
	}
}

func TestActivityAddsUpWithinTheMinute(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id, account := newConnection(t, s), uuid.New()
	for _, latency := range []time.Duration{20 * time.Millisecond, 3 * time.Second, 48 * time.Hour} {
		a := store.Activity{Mapping: account, Direction: store.ToPostgres, Rows: 10, Errors: 1}
		a.Latency.Observe(latency)
		ok(t, s.AddActivity(ctx, id, []store.Activity{a, {Mapping: account, Direction: store.ToSalesforce}, a}))
	}
	var rows, count int64
	var all store.Histogram
	for _, minute := range must[[]store.Activity](t)(s.Activity(ctx, id, time.Time{})) { // two minutes, if one ended just now
		rows, count = rows+minute.Rows, count+minute.Latency.Count
		all.Merge(minute.Latency)
	}
	if rows != 60 || count != 6 || all.Max != 48*time.Hour {
		t.Errorf("rows %d, latencies %d, max %s", rows, count, all.Max)
	}
	for p, want := range map[float64]time.Duration{0.1: 25 * time.Millisecond, 0.5: 5 * time.Second, 0.99: 48 * time.Hour} {
		if got := all.Quantile(p); got != want {
			t.Errorf("quantile %v: %s, want %s", p, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	account := newMapping(t, s, id, "Account")
	ok(t, s.StartProgress(ctx, id, account, 100))
	ok(t, s.SaveProgress(ctx, id, store.Progress{Mapping: account, Rows: 40, Bytes: 4000, Total: 110}))
	got := must[[]store.Progress](t)(s.Progress(ctx, id))
	want := []store.Progress{{Mapping: account, Rows: 40, Bytes: 4000, Total: 110}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Progress{}, "StartedAt", "UpdatedAt", "RowRate", "ByteRate")); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if got[0].RowRate <= 0 || got[0].ByteRate < 99*got[0].RowRate {
		t.Errorf("rates: %v rows, %v bytes a second", got[0].RowRate, got[0].ByteRate)
	}
	// After 100 s in which 40 rows came, 1,000 come in 25 s.
	aged := must[pgconn.CommandTag](t)(s.Pool().Exec(ctx, `UPDATE syncline.load_progress SET base_at = now() - interval '100 s',
		recent_at = now() - interval '40 s', recent_rows = 40, recent_bytes = 4000`))
	if aged.RowsAffected() != 1 {
		t.Fatal(aged)
	}
	ok(t, s.SaveProgress(ctx, id, store.Progress{Mapping: account, Rows: 1040, Bytes: 104000, Total: 2000}))
	ok(t, s.SaveProgress(ctx, id, store.Progress{Mapping: account, Rows: 1040, Bytes: 104000, Total: 2000}))
	if got := must[[]store.Progress](t)(s.Progress(ctx, id))[0].RowRate; got < 5 || got > 25 {
		t.Errorf("%v rows a second by the last 40 s, want 25 or less on a busy machine", got)
	}
	ok(t, s.StartProgress(ctx, id, account, 120))
	if got := must[[]store.Progress](t)(s.Progress(ctx, id)); got[0].Rows != 0 || got[0].Total != 120 {
		t.Errorf("a second load: %+v", got)
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	first := must[store.Import](t)(s.CreateImport(ctx, id))
	ok(t, s.SetImport(ctx, first.ID, store.ImportFailed, "no such field"))
	second := must[store.Import](t)(s.CreateImport(ctx, id))
	if got := must[store.Import](t)(s.Import(ctx, first.ID)); got.Status != store.ImportFailed || got.Error != "no such field" {
		t.Errorf("first: %+v", got)
	}
	if got := must[store.Import](t)(s.LastImport(ctx, id)); got.ID != second.ID || got.Status != store.ImportRunning {
		t.Errorf("last: %+v", got)
	}
	if err := s.SetImport(ctx, uuid.New(), store.ImportDone, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestPruneKeepsWhatIsYoungOrUnanswered(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	fence := must[target.Fence](t)(s.RaiseFence(ctx, store.Key{Connection: id, Kind: "write"}))
	batch := uuid.New()
	ok(t, s.Sending(ctx, fence, batch, []store.JournalEntry{entry(0, 1), entry(1, 2), entry(2, 3)}))
	ok(t, s.Accepted(ctx, batch, []store.JournalResult{{Position: 0}, {Position: 1}}))
	_, err := s.Pool().Exec(ctx, `UPDATE syncline.journal SET sent_at = sent_at - interval '40 days' WHERE position > 0`)
	ok(t, err)
	ok(t, s.AddEvents(ctx, []store.Event{{Level: "info", Event: "new"}, {Level: "info", Event: "old"}}))
	_, err = s.Pool().Exec(ctx, `UPDATE syncline.event SET at = at - interval '40 days' WHERE event = 'old'`)
	ok(t, err)
	if n := must[int64](t)(s.Prune(ctx, store.Keep{})); n != 0 {
		t.Errorf("keeping all pruned %d", n)
	}
	if n := must[int64](t)(s.Prune(ctx, store.DefaultKeep())); n != 2 {
		t.Errorf("pruned %d rows, want 2", n)
	}
	rows := must[[]store.JournalRow](t)(s.Batch(ctx, id, batch))
	if len(rows) != 2 || rows[1].State != store.JournalSending {
		t.Errorf("left in the journal: %+v", rows)
	}
}

// Everything of a connection goes with it, save the audit trail.
func TestDeleteConnectionCascades(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	account := newMapping(t, s, id, "Account")
	key := store.Key{Connection: id, Kind: "write"}
	fence := must[target.Fence](t)(s.RaiseFence(ctx, key))
	ok(t, s.Sending(ctx, fence, uuid.New(), []store.JournalEntry{entry(0, 1)}))
	ok(t, s.SavePair(ctx, key, target.CommitPair{Counter: 1, Nonce: uuid.New()}))
	_, _, err := s.EnsureTurn(ctx, key)
	ok(t, err)
	ok(t, s.SaveCalls(ctx, budget.Save{Connection: id, Ledger: uuid.New(), Seq: 1, Counts: []budget.Count{{Kind: "query", Calls: 1}}}))
	ok(t, s.AddEvents(ctx, []store.Event{{Connection: id, Level: "info", Event: "x"}}))
	ok(t, s.AddActivity(ctx, id, []store.Activity{{Mapping: account, Direction: store.ToPostgres}}))
	ok(t, s.SetCounts(ctx, account, store.Counts{RowsDB: new(int64(1))}))
	ok(t, s.StartProgress(ctx, id, account, 1))
	_, err = s.CreateImport(ctx, id)
	ok(t, err)
	_, _, err = s.CreateToken(ctx, store.Token{Name: "t", Role: store.Viewer, Connection: id}, 0)
	ok(t, err)
	ok(t, s.DeleteConnection(ctx, id))
	for _, table := range []string{
		"connection_secret", "mapping", "mapping_count", "fence", "commit_pair", "journal", "turn", "api_call", "event", "activity",
		"load_progress", "import_job", "token",
	} {
		var n int
		ok(t, s.Pool().QueryRow(ctx, `SELECT count(*) FROM syncline.`+table).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
}

// The connections to one org share its budget; the strictest settings count.
func TestStandingOfAnOrg(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connect := func(name, org string, o mapping.ConnectionOptions) uuid.UUID {
		return must[mapping.Connection](t)(s.CreateConnection(ctx, mapping.Connection{
			Name: name, AppName: name, ResourceName: name, Options: o, Org: mapping.Org{OrganizationID: org},
		}, store.Secrets{})).ID
	}
	one := connect("one", "00D000000000001EAA", mapping.ConnectionOptions{DailyCalls: 900, ReservePercent: -1})
	two := connect("two", "00D000000000001", mapping.ConnectionOptions{DailyCalls: 500, ReservePercent: 10})
	other := connect("other", "00D000000000002EAA", mapping.ConnectionOptions{})
	own := uuid.New()
	for i, c := range []uuid.UUID{one, two, other} {
		ledger := uuid.New()
		if i == 0 {
			ledger = own
		}
		ok(t, s.SaveCalls(ctx, budget.Save{Connection: c, Ledger: ledger, Seq: 1, Counts: []budget.Count{{Kind: "query", Calls: 10}}, Block: 100}))
	}
	ok(t, s.SetUsage(ctx, two, budget.Usage{Used: 50, Max: 15000}))
	got := must[budget.Standing](t)(s.Standing(ctx, one, own))
	if got.Ours != 120 || got.Daily != 500 || got.Reserve != 10 || got.Org.Used != 50 || got.Org.Max != 15000 || got.LastHour <= 0 || got.LastHour > 20 {
		t.Errorf("of two connections to an org: %+v", got)
	}
	got = must[budget.Standing](t)(s.Standing(ctx, other, uuid.Nil))
	if got.Ours != 110 || got.Daily != 0 || got.Reserve != budget.DefaultReserve || got.Org.Max != 0 {
		t.Errorf("of an org of its own: %+v", got)
	}
	if _, err := s.Standing(ctx, uuid.New(), uuid.Nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no connection: %v", err)
	}
}
