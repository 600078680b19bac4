package manage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/verify"
)

// VerifyRun is a verification that goes on by itself.
type VerifyRun struct {
	ID     uuid.UUID
	Status store.RunStatus
	// Progress is how far it has come; Report what it found, nil before the end.
	Progress VerifyProgress
	Report   *verify.Report
	// Error says why it failed or was interrupted, Fix what to do about it.
	Error, Fix string
	StartedAt  time.Time
}

// VerifyProgress is how far a verification has come.
type VerifyProgress struct {
	verify.Progress
	// Done of the Mappings are through.
	Done     int `json:"done"`
	Mappings int `json:"mappings"`
	// RowsPerSecond is of the mapping under way; SecondsLeft, of it too, is -1 if
	// it is not known.
	RowsPerSecond float64 `json:"rows_per_second"`
	SecondsLeft   float64 `json:"seconds_left"`
}

// runs are the verifications that a Service has under way.
type runs struct {
	mu     sync.Mutex
	closed bool
	cancel []context.CancelFunc
	group  sync.WaitGroup
}

var errClosing = &Problem{Kind: Unavailable, What: "The server is stopping.", Fix: "Try again in a moment."}

// start runs fn until it ends or the Service is closed.
func (r *runs) start(ctx context.Context, fn func(context.Context)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosing
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = append(r.cancel, cancel)
	r.group.Go(func() {
		defer cancel()
		fn(ctx)
	})
	return nil
}

// stop ends what is under way and waits for it.
func (r *runs) stop() {
	r.mu.Lock()
	r.closed = true
	for _, cancel := range r.cancel {
		cancel()
	}
	r.mu.Unlock()
	r.group.Wait()
}

// runBeat is how often a run stores how far it has come.
const runBeat = time.Second

// StartVerify begins to compare both sides, by reading them itself, and returns
// at once.
func (s *Service) StartVerify(ctx context.Context, c Caller, ref string, o VerifyOptions) (VerifyRun, error) {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return VerifyRun{}, err
	}
	chosen, err := s.verifiable(ctx, conn, o.Objects)
	if err != nil {
		return VerifyRun{}, err
	}
	kept, err := s.store.CreateVerifyRun(ctx, conn.ID, c.Name)
	if err != nil {
		return VerifyRun{}, problem("begin to verify", err)
	}
	r := &verifying{s: s, run: kept, began: time.Now(), progress: VerifyProgress{Mappings: len(chosen), SecondsLeft: -1}}
	if err := s.runs.start(ctx, func(ctx context.Context) { r.do(ctx, c, conn, chosen, o) }); err != nil {
		return VerifyRun{}, err
	}
	return runOf(kept)
}

// VerifyRun tells how a verification stands.
func (s *Service) VerifyRun(ctx context.Context, c Caller, ref string, id uuid.UUID) (VerifyRun, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return VerifyRun{}, err
	}
	kept, err := s.store.VerifyRun(ctx, conn.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return VerifyRun{}, &Problem{Kind: NotFound, What: "There is no such verification, or not any more.", Fix: "Start one: syncline verify"}
	}
	if err != nil {
		return VerifyRun{}, problem("read verification", err)
	}
	return runOf(kept)
}

func runOf(kept store.VerifyRun) (VerifyRun, error) {
	out := VerifyRun{ID: kept.ID, Status: kept.Status, Error: kept.Error, Fix: kept.Fix, StartedAt: kept.CreatedAt}
	if kept.Progress != nil {
		if err := json.Unmarshal(kept.Progress, &out.Progress); err != nil {
			return out, fmt.Errorf("read progress of a verification: %w", err)
		}
	}
	if kept.Report != nil {
		out.Report = &verify.Report{}
		if err := json.Unmarshal(kept.Report, out.Report); err != nil {
			return out, fmt.Errorf("read report of a verification: %w", err)
		}
	}
	if out.Status == store.RunInterrupted {
		out.Error, out.Fix = "The server's process that verified has ended.", "Start it again: syncline verify"
	}
	return out, nil
}

// verifying is a run under way.
type verifying struct {
	s   *Service
	run store.VerifyRun

	mu       sync.Mutex
	progress VerifyProgress
	began    time.Time // of the mapping under way
}

// do verifies, tells of it every second, and stores the outcome.
func (r *verifying) do(ctx context.Context, c Caller, conn mapping.Connection, chosen []mapping.Mapping, o VerifyOptions) {
	beat, stop := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { r.beat(beat) })
	o.Progress = r.note
	report, err := r.s.verify(ctx, c, conn, chosen, o)
	stop()
	beating.Wait()
	r.run.Status = store.RunDone
	if err == nil {
		r.run.Report, err = json.Marshal(report)
	}
	if err != nil {
		r.run.Status, r.run.Error = store.RunFailed, err.Error()
		if p, ok := errors.AsType[*Problem](err); ok {
			r.run.Fix = p.Fix
		}
		if ctx.Err() != nil {
			r.run.Status = store.RunInterrupted
		}
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	r.save(late)
}

// note takes up progress.
func (r *verifying) note(p verify.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress.Object != "" && r.progress.Object != p.Object {
		r.progress.Done++
		r.began = time.Now()
	}
	r.progress.Progress = p
	if took := time.Since(r.began).Seconds(); took > 0 {
		r.progress.RowsPerSecond = float64(p.Compared) / took
	}
	r.progress.SecondsLeft = -1
	if left := p.Total - p.Compared; p.Total > 0 && r.progress.RowsPerSecond > 0 {
		r.progress.SecondsLeft = max(0, float64(left)/r.progress.RowsPerSecond)
	}
}

func (r *verifying) beat(ctx context.Context) {
	tick := time.NewTicker(runBeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.save(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (r *verifying) save(ctx context.Context) {
	r.mu.Lock()
	text, err := json.Marshal(r.progress)
	r.mu.Unlock()
	r.run.Progress = text
	if err == nil {
		err = r.s.store.SetVerifyRun(ctx, r.run)
	}
	if err != nil && ctx.Err() == nil {
		r.s.log.WarnContext(ctx, "verification not stored", "connection", r.run.Connection, "error", err)
	}
}
