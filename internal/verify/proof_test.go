package verify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/verify"
)

func (s *site) bulkConfig() verify.Config {
	c := s.config()
	c.Bulk = bulk.New(s.Org)
	return c
}

// ids are some sfids of a table.
func (s *site) ids(table string, n int) []string {
	s.Helper()
	rows, err := s.DB.Pool().Query(s.Context(), fmt.Sprintf("SELECT sfid FROM salesforce.%s WHERE sfid IS NOT NULL ORDER BY sfid LIMIT %d", table, n))
	if err != nil {
		s.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(out) != n {
		s.Fatal(out, err)
	}
	return out
}

// corrupt makes one difference of each kind in accounts.
func (s *site) corrupt() (ids []string) {
	s.Helper()
	ids = s.ids("account", 2)
	s.ours(fmt.Sprintf(`UPDATE salesforce.account SET name = 'other', systemmodstamp = systemmodstamp - interval '1 day' WHERE sfid = '%s'`, ids[0]))
	s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[1]))
	s.ours(`INSERT INTO salesforce.account (sfid, name, systemmodstamp) VALUES ('001zzzzzzzzzzzzAAA', 'phantom', '2020-01-01')`)
	s.ours(`INSERT INTO salesforce.account (name) VALUES ('never sent')`)
	return ids
}

var corrupted = verify.Differences{MissingInPostgres: 1, MissingInSalesforce: 2, Different: 1}

func TestFullProofThroughBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	s.tables = s.tables[:1]
	s.corrupt()
	var told verify.Progress
	c := s.bulkConfig()
	c.Progress = func(p verify.Progress) { told = p }
	before := s.Calls()
	r, err := verify.Run(t.Context(), c, s.tables, verify.Options{Confirm: time.Millisecond, BulkFrom: 1000})
	if err != nil {
		t.Fatal(err)
	}
	m := r.Mappings[0]
	if m.RowsSalesforce != 3000 || m.RowsPostgres != 3001 || m.Equal != 2998 || m.Differences != corrupted {
		t.Errorf("%+v", m)
	}
	if told != (verify.Progress{Object: "Account", Compared: 3000, Total: 3000}) {
		t.Errorf("progress ends with %+v", told)
	}
	if calls := s.Calls() - before; r.Calls != calls {
		t.Errorf("%d calls told, the org counted %d", r.Calls, calls)
	}
}

// The proof is cut into slices that know nothing of each other but the place.
func TestProofInSlices(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]verify.Options{
		"bulk":  {BulkFrom: 1000},
		"rest":  {BulkFrom: -1},
		"quick": {Proof: verify.Quick},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 7000)
			s.tables = s.tables[:1]
			s.corrupt()
			o.Confirm = time.Millisecond
			place, err := verify.Begin(t.Context(), s.bulkConfig(), s.tables[0], o)
			if err != nil {
				t.Fatal(err)
			}
			slices := 0
			for ; !place.Over(); slices++ {
				steps := 3
				once := func() bool { steps--; return steps >= 0 }
				if err := verify.Go(t.Context(), s.bulkConfig(), s.tables[0], o, place, once); err != nil {
					t.Fatal(err)
				}
				text, seen, err := place.Encode()
				if err != nil {
					t.Fatal(err)
				}
				if place, err = verify.DecodePlace(text, seen); err != nil {
					t.Fatal(err)
				}
			}
			if r := place.Report; r.RowsSalesforce != 7000 || r.RowsPostgres != 7001 || r.Differences != corrupted || slices < 6 {
				t.Errorf("after %d slices: %+v", slices, r)
			}
		})
	}
}

func TestQuickProofComparesTheDaysThatDiffer(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	before := s.Calls()
	r := s.verify(verify.Options{Proof: verify.Quick})
	if m := r.Mappings[0]; !r.Equal() || m.RowsSalesforce != 3000 || m.RowsPostgres != 3000 || m.Equal != 3000 || len(m.Days) != 0 {
		t.Errorf("%+v", r)
	}
	if calls := s.Calls() - before; r.Calls != calls || calls > 8 { // per mapping the days, the newest rows, and two pages of stamps
		t.Errorf("%d calls told, the org counted %d", r.Calls, calls)
	}
	s.corrupt()
	r = s.verify(verify.Options{Proof: verify.Quick})
	m := r.Mappings[0]
	if m.Differences != corrupted || m.RowsSalesforce != 3000 || m.RowsPostgres != 3001 || m.Equal != 2998 {
		t.Errorf("%+v", m)
	}
	if len(m.Days) == 0 || len(m.Days) > 4 || r.Mappings[1].Differences.Sum() != 0 {
		t.Errorf("days %v, %+v", m.Days, r.Mappings[1])
	}
}

// A change of today that was missed leaves the day's count as it is.
func TestQuickProofComparesTheNewestRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.tables = s.tables[:1]
	id := s.Insert("Account", "Name", "newer")
	s.Insert("Account", "Name", "last")
	s.ours(`TRUNCATE salesforce.account; DELETE FROM _syncline.mark`)
	s.load()
	s.ours(fmt.Sprintf(`UPDATE salesforce.account SET name = 'older' WHERE sfid = '%s'`, id))
	if m := s.verify(verify.Options{Proof: verify.Quick}).Mappings[0]; m.Differences.Different != 1 || m.Equal != 1 || len(m.Days) != 0 {
		t.Errorf("%+v", m)
	}
}

// A change of a while ago that was missed shows in the stamps, even where a day
// has as many records as rows and the same newest stamp.
func TestQuickProofComparesStampsOfAllDays(t *testing.T) {
	t.Parallel()
	for name, bulkFrom := range map[string]int{"queries": -1, "Bulk": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 3000)
			s.tables = s.tables[:1]
			older := s.One(`SELECT sfid FROM salesforce.account a WHERE EXISTS (SELECT FROM salesforce.account b
				WHERE b.systemmodstamp::date = a.systemmodstamp::date AND b.systemmodstamp > a.systemmodstamp) AND systemmodstamp::time > '00:00:05'
				ORDER BY systemmodstamp, sfid LIMIT 1`)
			s.ours(fmt.Sprintf(`UPDATE salesforce.account SET systemmodstamp = systemmodstamp - interval '1 second' WHERE sfid = '%s'`, older))
			c := s.bulkConfig()
			r, err := verify.Run(t.Context(), c, s.tables, verify.Options{Proof: verify.Quick, Confirm: time.Millisecond, BulkFrom: bulkFrom})
			if err != nil {
				t.Fatal(err)
			}
			m := r.Mappings[0]
			if m.Differences.Different != 1 || m.Differences.Sum() != 1 || m.Equal != 2999 || len(m.Days) != 0 || m.Samples[0].Sfid != older {
				t.Errorf("%+v", m)
			}
		})
	}
}

// An org that can't count by day is asked for Ids and stamps.
func TestQuickProofByStamps(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1500)
	s.tables = s.tables[:1]
	s.corrupt()
	c := s.bulkConfig()
	c.Org = noDays{c.Org}
	r, err := verify.Run(t.Context(), c, s.tables, verify.Options{Proof: verify.Quick, Confirm: time.Millisecond, BulkFrom: 1000})
	if err != nil || r.Mappings[0].Differences != corrupted || r.Mappings[0].RowsSalesforce != 1500 {
		t.Errorf("%+v, %v", r, err)
	}
}

// noDays refuses to group.
type noDays struct{ verify.Org }

func (o noDays) QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error) {
	if strings.Contains(soql, "DAY_ONLY") {
		return nil, &salesforce.Error{Status: 400, Code: "QUERY_TIMEOUT"}
	}
	return o.Org.QueryMaps(ctx, soql, all)
}

func (s *site) note(r *verify.Report) {
	s.Helper()
	err := pgx.BeginFunc(s.Context(), s.DB.Pool(), func(tx pgx.Tx) error {
		for _, p := range r.Places {
			if err := verify.Note(s.Context(), tx, s.Connection.ID, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

func TestDriftLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100)
	s.tables = s.tables[:1]
	ids := s.corrupt()
	list := func(settled bool) []verify.Drift {
		out, err := verify.Log(t.Context(), s.DB.Pool(), s.Connection.ID, verify.DriftFilter{Settled: settled})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for range 2 { // the second time nothing is new
		s.note(s.verify(verify.Options{}))
	}
	open := map[string]verify.Drift{}
	for _, d := range list(false) {
		open[d.Sfid] = d
	}
	if len(open) != 4 || open[ids[0]].Found.Equal(open[ids[0]].Seen) {
		t.Errorf("%+v", open)
	}
	if d := open[ids[0]]; d.Kind != verify.Different || !cmp.Equal(d.Columns, []string{"name", "systemmodstamp"}) || d.Row == 0 || d.Cause != verify.Unknown {
		t.Errorf("%+v", d)
	}
	if d := open[""]; d.Kind != verify.NeverSent || d.Cause != verify.Local {
		t.Errorf("%+v", d)
	}
	// A quick proof, too, settles what is gone; what is on its way stays open.
	s.ours(`DELETE FROM salesforce.account WHERE sfid = '001zzzzzzzzzzzzAAA'`)
	s.Run(fmt.Sprintf(`UPDATE salesforce.account SET phone = '1' WHERE sfid = '%s'`, ids[0]))
	s.note(s.verify(verify.Options{Proof: verify.Quick}))
	if n := len(list(false)); n != 3 {
		t.Errorf("%d are open", n)
	}
	for _, d := range list(true) {
		if gone := d.Kind == verify.MissingInSalesforce; d.Settled.IsZero() == gone || gone && d.How != "equal again" {
			t.Errorf("%+v", d)
		}
	}
	outcomes, err := verify.Outcomes(t.Context(), s.DB.Pool(), s.Connection.ID)
	if err != nil || len(outcomes) != 2 || outcomes[0].Proof != verify.Full || outcomes[0].Differences != 4 || outcomes[0].Equal || outcomes[1].Pending != 1 {
		t.Errorf("%+v, %v", outcomes, err)
	}
}

func TestCauses(t *testing.T) {
	t.Parallel()
	s := newSite(t, 20)
	s.tables = s.tables[:1]
	table := *s.tables[0]
	ids := s.ids("account", 4)
	s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[0]))
	s.ours(fmt.Sprintf(`INSERT INTO _syncline.read_error (connection_id, mapping, sfid) VALUES ('%s', '%s', '%s')`, s.Connection.ID, table.Mapping.ID, ids[0]))
	s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[1]))
	s.ours(fmt.Sprintf(`INSERT INTO _syncline.deferred (connection_id, mapping, sfid) VALUES ('%s', '%s', '%s')`, s.Connection.ID, table.Mapping.ID, ids[1]))
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Update("Account", ids[2], "Name", "changed just now")
	s.Update("Account", ids[3], "Phone", "filtered out")
	table.Mapping.Options.Filter = "Phone != 'filtered out'"
	s.tables = []*mapping.Table{&table}
	want := map[string]verify.Cause{ids[0]: verify.ReadError, ids[1]: verify.Deferred, ids[2]: verify.Unread, ids[3]: verify.Filter}
	got := map[string]verify.Cause{}
	for _, x := range s.verify(verify.Options{}).Mappings[0].Samples {
		got[x.Sfid] = x.Cause
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Results that break off, or that are gone, are read again from the start; in
// the end everything was compared once.
func TestBulkResultsThatAreGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	s.tables = s.tables[:1]
	s.corrupt()
	c := s.bulkConfig()
	c.Bulk = &forgetful{Bulk: c.Bulk}
	r, err := verify.Run(t.Context(), c, s.tables, verify.Options{Confirm: time.Millisecond, BulkFrom: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Mappings[0]; m.RowsSalesforce != 3000 || m.Equal != 2998 || m.Differences != corrupted {
		t.Errorf("%+v", m)
	}
}

// forgetful drops its first job before the results are listed.
type forgetful struct {
	verify.Bulk
	forgot bool
}

func (f *forgetful) Pages(ctx context.Context, id string, rows int) (bulk.Pages, error) {
	if !f.forgot {
		f.forgot = true
		if err := f.Delete(ctx, id); err != nil {
			return bulk.Pages{}, err
		}
	}
	return f.Bulk.Pages(ctx, id, rows)
}

func TestPlacesThatDontDecode(t *testing.T) {
	t.Parallel()
	for _, bad := range [][2]string{{"{", ""}, {"{}", "x"}} {
		if _, err := verify.DecodePlace([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// Lines that break while pages are read cost a call more, and nothing else.
func TestBulkPagesThatBreakOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	s.tables = s.tables[:1]
	s.corrupt()
	s.Fault(`{"kind":"cut_body","bytes":100000,"path":"/results","count":2}`)
	r, err := verify.Run(t.Context(), s.bulkConfig(), s.tables, verify.Options{Confirm: time.Millisecond, BulkFrom: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Mappings[0]; m.RowsSalesforce != 3000 || m.Equal != 2998 || m.Differences != corrupted {
		t.Errorf("%+v", m)
	}
}
