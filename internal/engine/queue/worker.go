package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// worker adapts a Func to River.
type worker struct {
	river.WorkerDefaults[turnArgs]
	client *Client
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, j *river.Job[turnArgs]) error {
	out, err := w.client.cfg.Run(ctx, j.ID, j.Args.job())
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		// River gives a job that a stop has cut short back at once.
		return ctx.Err()
	case out.Done:
		return nil
	}
	return river.JobSnooze(max(0, out.Snooze+w.client.clockOffset()))
}

func decode(row *rivertype.JobRow) (Job, error) {
	var args turnArgs
	if err := json.Unmarshal(row.EncodedArgs, &args); err != nil {
		return Job{}, fmt.Errorf("decode job %d: %w", row.ID, err)
	}
	return args.job(), nil
}

func (c *Client) clockOffset() time.Duration { return time.Duration(c.offset.Load()) }

// measureOffset compares the clocks, half the round trip taken off.
func (c *Client) measureOffset(ctx context.Context) error {
	var there time.Time
	sent := time.Now()
	if err := c.cfg.Pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&there); err != nil {
		return fmt.Errorf("read the control database's clock: %w", err)
	}
	here := sent.Add(time.Since(sent) / 2)
	c.offset.Store(int64(there.Sub(here.Round(0))))
	return nil
}

func (c *Client) followClock(ctx context.Context) {
	tick := time.NewTicker(offsetEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := c.measureOffset(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Logger.WarnContext(ctx, "clock not compared", "error", err)
			}
		}
	}
}
