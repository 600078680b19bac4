package work

import (
	"context"
	"errors"
	"time"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/verify"
)

const (
	// proveSlice bounds the time of one slice of a proof.
	proveSlice = 5 * time.Second
	// proveRest is the pause after a proof that met an error.
	proveRest = 10 * time.Minute
	// proveShare is the share of the org's daily calls that proofs in the
	// background may use; proveCalls is it where the org's number is not known.
	proveShare = 0.05
	proveCalls = 750
)

// prove goes on with the proof that is due. Trouble with it ends no turn: it is
// logged, and tried again later.
func (w *Work) prove(ctx context.Context, t *engine.Turn) error {
	memory := w.of(t.Connection)
	if !memory.due(proveNext, time.Now()) || !t.More() {
		return nil
	}
	list := w.provable(ctx, t)
	if len(list) == 0 {
		return nil
	}
	within, err := w.budgeted(ctx, t)
	if err != nil {
		return err
	}
	until := time.Now().Add(proveSlice)
	more := func() bool { return t.More() && time.Now().Before(until) }
	prover := verify.Prover{Config: verify.Config{
		Connection: t.Config, DB: t.Session.DB, Org: t.Session.Org, Bulk: bulk.New(t.Session.Org), Logger: t.Log,
	}}
	done, err := prover.Do(salesforce.WithUse(ctx, "", "verify"), t.Fence, list, within, more)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, target.ErrFenced):
		return err
	case err != nil:
		memory.putOff(proveNext, time.Now().Add(proveRest))
		t.Log.WarnContext(ctx, "a proof met an error and goes on later", "error", err)
		return nil
	}
	if done.Proved != nil {
		w.proved(ctx, t, done)
	}
	// Somebody may ask for other intervals meanwhile.
	next := time.Now().Add(time.Minute)
	if !done.Next.IsZero() && done.Next.Before(next) {
		next = done.Next
	}
	memory.putOff(proveNext, next)
	return nil
}

// provable are the tables that are loaded and read.
func (w *Work) provable(ctx context.Context, t *engine.Turn) []*mapping.Table {
	var out []*mapping.Table
	for _, m := range t.Active(mapping.StageSynced) {
		if m.ReadsPaused(&t.Config) {
			continue
		}
		table, err := t.Session.Table(ctx, m)
		if err == nil { // the read turn tells of the others
			out = append(out, table)
		}
	}
	return out
}

// budgeted finds out whether proofs have calls left today.
func (w *Work) budgeted(ctx context.Context, t *engine.Turn) (bool, error) {
	calls, err := w.calls(ctx, t.Connection)
	if err != nil {
		return false, err
	}
	var used int64
	for _, c := range calls {
		if c.Purpose == "verify" {
			used += c.Calls
		}
	}
	s := standing(ctx, t)
	return s.Roomy() && used < share(int64(s.Org.Max)), nil
}

// share is how many of an org's daily calls proofs may use.
func share(daily int64) int64 {
	if daily <= 0 {
		return proveCalls
	}
	return int64(proveShare * float64(daily))
}

// proved tells people of differences, and keeps the counts of a full proof.
func (w *Work) proved(ctx context.Context, t *engine.Turn, done verify.Slice) {
	r := &done.Proved.Report
	if done.Proved.Proof == verify.Full {
		if err := w.store.SetCounts(ctx, r.Mapping, store.Counts{RowsSF: &r.RowsSalesforce, RowsDB: &r.RowsPostgres}); err != nil {
			t.Log.WarnContext(ctx, "counts not stored", "mapping", r.Object, "error", err)
		}
	}
	if r.Differences.Sum() == 0 && r.Duplicates == 0 {
		return
	}
	w.event(ctx, store.Event{
		Connection: t.Connection, Mapping: r.Mapping, Level: "warn", Event: "DRIFT " + r.Object,
		Fields: map[string]any{
			"proof": string(done.Proved.Proof), "missing_in_postgres": r.Differences.MissingInPostgres,
			"missing_in_salesforce": r.Differences.MissingInSalesforce, "different": r.Differences.Different,
			"duplicates": r.Duplicates, "repairing": done.Repairing,
		},
	})
}
