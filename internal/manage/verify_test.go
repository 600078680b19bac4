package manage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox/org"
)

// ran waits for a verification.
func (r *rig) ran(o manage.VerifyOptions) manage.VerifyRun {
	r.t.Helper()
	run, err := r.service.StartVerify(r.t.Context(), admin(), "", o)
	for deadline := time.Now().Add(time.Minute); err == nil && run.Status == store.RunRunning && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
		run, err = r.service.VerifyRun(r.t.Context(), admin(), "", run.ID)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

// A verification goes on by itself; what it finds is in the drift log, and is
// repaired from the side that a person names.
func TestVerifyRunAndRepair(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	wantProblem(t, second(r.service.StartVerify(ctx, admin(), "", manage.VerifyOptions{})), manage.Conflict, "No mapping is loaded")
	wantProblem(t, second(r.service.VerifyRun(ctx, admin(), "", uuid.New())), manage.NotFound, "no such verification")
	m, err := r.service.Mapping(ctx, admin(), "", "Account")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.SetStage(ctx, m.ID, mapping.StageSynced); err != nil {
		t.Fatal(err)
	}
	if _, err := r.org.Org.Seed(org.SeedPlan{Object: "Account", Rows: 5, Seed: 7, Past: true}); err != nil {
		t.Fatal(err)
	}
	run := r.ran(manage.VerifyOptions{Samples: 2})
	if run.Status != store.RunDone || run.Report == nil || run.Report.Differences() != 5 || len(run.Report.Mappings[0].Samples) != 2 || run.Progress.Compared != 5 {
		t.Fatalf("%+v", run)
	}
	drift, err := r.service.Drift(ctx, admin(), "", manage.DriftFilter{Object: "account"})
	if err != nil || len(drift.Differences) != 5 || len(drift.Proofs) != 1 || drift.Proofs[0].Differences != 5 || drift.Objects[m.ID] != "Account" {
		t.Fatalf("%+v, %v", drift, err)
	}
	wantProblem(t, second(r.service.Repair(ctx, admin(), "", "Account", "", nil)), manage.Invalid, "Both sides")
	if out, err := r.service.Repair(ctx, admin(), "", "Account", verify.Salesforce, nil); err != nil || out.Asked != 5 {
		t.Errorf("%+v, %v", out, err)
	}
	if n := r.text(`SELECT count(*)::text FROM _syncline.deferred WHERE reason = 'repair'`); n != "5" {
		t.Errorf("%s records will be read", n)
	}
	status, err := r.service.Status(ctx, admin(), conn.ResourceName)
	if err != nil || status.Mappings[0].Proof == nil || status.Mappings[0].Proof.Equal {
		t.Errorf("%+v, %v", status, err)
	}
}

// A verification that its node leaves in the middle is told as interrupted, with
// the next step.
func TestVerifyRunThatIsInterrupted(t *testing.T) {
	t.Parallel()
	r := newSyncedRig(t)
	conn, err := pgx.Connect(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE salesforce.account`); err != nil { // it can't come to an end
		t.Fatal(err)
	}
	run, err := r.service.StartVerify(t.Context(), admin(), "", manage.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.service.Close()
	run, err = r.service.VerifyRun(t.Context(), admin(), "", run.ID)
	if err != nil || run.Status != store.RunInterrupted || run.Error == "" || !strings.Contains(run.Fix, "again") {
		t.Errorf("%+v, %v", run, err)
	}
}

// A verification that can't go on says why, also to whoever asks later.
func TestVerifyRunThatFails(t *testing.T) {
	t.Parallel()
	r := newSyncedRig(t)
	r.sql(`DROP TABLE salesforce.account CASCADE`)
	if run := r.ran(manage.VerifyOptions{}); run.Status != store.RunFailed || run.Report != nil || !strings.Contains(run.Error, "account") {
		t.Errorf("%+v", run)
	}
}
