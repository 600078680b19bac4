package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/verify"
)

func (s *site) prover() *verify.Prover {
	return &verify.Prover{Config: s.bulkConfig(), Options: verify.Options{BulkFrom: 1000, Confirm: time.Millisecond, Rounds: 2}, First: time.Nanosecond}
}

// proved does slices until n proofs are over.
func (s *site) proved(fence target.Fence, n int) (out []verify.Slice) {
	s.Helper()
	for range 1000 {
		steps := 3
		slice, err := s.prover().Do(s.Context(), fence, s.tables, true, func() bool { steps--; return steps >= 0 })
		if err != nil {
			s.Fatal(err)
		}
		if slice.Proved != nil {
			out = append(out, slice)
		}
		if len(out) == n {
			return out
		}
		if time.Until(slice.Next) > time.Minute {
			s.Fatalf("nothing is due before %v", slice.Next)
		}
	}
	s.Fatal("no end of slices")
	return nil
}

// The background proof finds what is wrong, has it repaired where Salesforce is
// right, and finds it settled.
func TestBackgroundProofAndRepair(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	readOnly := *s.tables[0]
	readOnly.Access = mapping.ReadOnly
	s.tables = []*mapping.Table{&readOnly}
	ids := s.ids("account", 2)
	s.ours(fmt.Sprintf(`UPDATE salesforce.account SET name = 'drift' WHERE sfid = '%s'`, ids[0]))
	s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[1]))
	fence := s.Fence("tend", 1)
	first := s.proved(fence, 1)[0]
	if first.Proved.Proof != verify.Full || first.Proved.Report.Differences != (verify.Differences{MissingInPostgres: 1, Different: 1}) || first.Repairing != 2 {
		t.Errorf("%+v", first)
	}
	if slice, err := s.prover().Do(t.Context(), fence, s.tables, true, func() bool { return true }); err != nil || slice.Proved != nil ||
		time.Until(slice.Next) < 50*time.Minute {
		t.Errorf("what is due next: %+v, %v", slice, err)
	}
	r := reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: s.Org})
	if _, err := r.Poll(t.Context(), s.Fence("read", 1), s.tables, reader.PollOptions{All: true, Until: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	s.ours(`UPDATE _syncline.proof SET began_at = began_at - interval '2 hours'`)
	if again := s.proved(fence, 1)[0]; again.Proved.Proof != verify.Quick || again.Proved.Report.Differences.Sum() != 0 {
		t.Errorf("%+v", again)
	}
	log, err := verify.Log(t.Context(), s.DB.Pool(), s.Connection.ID, verify.DriftFilter{Settled: true})
	if err != nil || len(log) != 2 || log[0].How != "repaired from salesforce" || log[1].Settled.IsZero() {
		t.Errorf("%+v, %v", log, err)
	}
}

// A turn that was overtaken keeps nothing.
func TestBackgroundProofIsFenced(t *testing.T) {
	t.Parallel()
	s := newSite(t, 10)
	old := s.Fence("tend", 1)
	s.Fence("tend", 2)
	if _, err := s.prover().Do(t.Context(), old, s.tables, true, func() bool { return true }); err == nil {
		t.Error("no error")
	}
	if n := s.One(`SELECT count(*) FROM _syncline.proof`); n != "0" {
		t.Errorf("%s places are kept", n)
	}
}

func TestNothingIsBegunBeyondTheBudgetOrAgainstTheSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t, 10)
	fence := s.Fence("tend", 1)
	if slice, err := s.prover().Do(t.Context(), fence, s.tables, false, func() bool { return true }); err != nil || slice.Proved != nil || !slice.Next.IsZero() {
		t.Errorf("%+v, %v", slice, err)
	}
	never := *s.tables[0]
	never.Mapping.Options.ProofSeconds, never.Mapping.Options.QuickProofSeconds = -1, -1
	if slice, err := s.prover().Do(t.Context(), fence, []*mapping.Table{&never}, true, func() bool { return true }); err != nil || slice.Proved != nil || !slice.Next.IsZero() {
		t.Errorf("%+v, %v", slice, err)
	}
}

// A change of the mapping begins the proof anew.
func TestProofOfAMappingThatChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3000)
	s.tables = s.tables[:1]
	fence := s.Fence("tend", 1)
	steps := 4
	if slice, err := s.prover().Do(t.Context(), fence, s.tables, true, func() bool { steps--; return steps >= 0 }); err != nil || slice.Proved != nil {
		t.Fatal(slice, err)
	}
	changed := *s.tables[0]
	changed.Mapping.Revision++
	s.tables = []*mapping.Table{&changed}
	if r := s.proved(fence, 1)[0].Proved.Report; r.RowsSalesforce != 3000 || r.Equal != 3000 || r.Differences.Sum() != 0 {
		t.Errorf("%+v", r)
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	s := newSite(t, 20)
	s.tables = s.tables[:1]
	ids := s.corrupt()
	s.note(s.verify(verify.Options{}))
	repair := func(from verify.Side, ids ...string) verify.RepairReport {
		tx, err := s.DB.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := verify.Repair(t.Context(), tx, s.Connection, s.tables[0], from, ids)
		if err == nil {
			err = tx.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	// The row that differs is sent, and the one that never was; a record is not
	// deleted, nor made again.
	if r := repair(verify.Postgres); r.Asked != 2 || len(r.Skipped) != 2 {
		t.Errorf("%+v", r)
	}
	log := s.One(`SELECT string_agg(action || ' ' || coalesce(sfid, '-') || ' ' || ("values"::hstore->'name'), ', ' ORDER BY id) FROM salesforce._trigger_log`)
	if want := "INSERT - never sent, UPDATE " + ids[0] + " other"; log != want {
		t.Errorf("captured %q, want %q", log, want)
	}
	if r := repair(verify.Salesforce, ids[1]); r.Asked != 1 {
		t.Errorf("%+v", r)
	}
	if got := s.One(`SELECT string_agg(sfid || ' ' || reason, ', ') FROM _syncline.deferred`); got != ids[1]+" repair" {
		t.Errorf("deferred: %s", got)
	}
}
