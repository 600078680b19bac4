package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// VerifyRun is a verification, which goes on by itself in the server.
type VerifyRun struct {
	ID        string         `json:"id" format:"uuid"`
	Status    string         `json:"status" doc:"running, done, failed or interrupted"`
	Progress  VerifyProgress `json:"progress"`
	Report    *Report        `json:"report" doc:"What it found; null before the end."`
	Error     string         `json:"error,omitempty" doc:"Why it failed or was interrupted."`
	Fix       string         `json:"fix,omitempty" doc:"What to do about it."`
	StartedAt time.Time      `json:"started_at"`
}

// VerifyProgress is how far a verification has come.
type VerifyProgress struct {
	ObjectName string `json:"object_name,omitempty" doc:"The mapping under way."`
	Compared   int64  `json:"compared" doc:"Records of it that are compared."`
	Total      int64  `json:"total" doc:"About how many it has; 0 if not known."`
	Done       int    `json:"done" doc:"Mappings that are through."`
	Mappings   int    `json:"mappings"`
	// RowsPerSecond and SecondsLeft are of the mapping under way.
	RowsPerSecond float64 `json:"rows_per_second"`
	SecondsLeft   float64 `json:"seconds_left" doc:"Of the mapping under way; -1 if not known."`
}

// Drift is what proofs have found.
type Drift struct {
	Proofs      []Proof      `json:"proofs" nullable:"false" doc:"How the last proofs of each mapping ended."`
	Differences []DriftedRow `json:"differences" nullable:"false"`
}

// Proof is how the last proof of a kind ended for a mapping.
type Proof struct {
	ObjectName string `json:"object_name"`
	Proof      string `json:"proof" doc:"full or quick"`
	// AsOf is the moment of which it speaks.
	AsOf         time.Time `json:"as_of"`
	EndedAt      time.Time `json:"ended_at"`
	Equal        bool      `json:"equal"`
	Rows         int64     `json:"rows"`
	Pending      int64     `json:"pending"`
	FailedWrites int64     `json:"failed_writes"`
	Differences  int64     `json:"differences"`
	APICalls     int64     `json:"api_calls"`
}

// DriftedRow is a difference that a proof found.
type DriftedRow struct {
	ID         int64      `json:"id"`
	ObjectName string     `json:"object_name"`
	Kind       string     `json:"kind"`
	SFID       string     `json:"sfid,omitempty"`
	RowID      int64      `json:"row_id,omitempty"`
	Columns    []string   `json:"columns" nullable:"false"`
	Cause      string     `json:"cause" doc:"A guess: unknown, unread, deferred, read_error, filter, formula, local."`
	FoundAt    time.Time  `json:"found_at"`
	SeenAt     time.Time  `json:"seen_at" doc:"When a proof last found it."`
	Repair     string     `json:"repair,omitempty" doc:"The side that a repair takes it from."`
	SettledAt  *time.Time `json:"settled_at" doc:"Null as long as it is open."`
	How        string     `json:"how,omitempty" doc:"How it was settled."`
}

// DriftOptions choose differences.
type DriftOptions struct {
	// Mapping is an object's name, "" for all.
	Mapping string
	// Settled ones too.
	Settled bool
	// Before is the id below which they are wanted, 0 for the newest.
	Before int64
	Limit  int
}

// RepairOptions say what to repair from which side.
type RepairOptions struct {
	From string   `json:"from,omitempty" enum:"salesforce,postgres" doc:"The side that is right. May be left out where it is Salesforce's by policy."`
	IDs  []string `json:"ids,omitempty" doc:"sfids, or ids of rows; all open differences if left out."`
}

// Repair says what became of a wish to repair.
type Repair struct {
	Asked   int             `json:"asked" doc:"Differences whose records are read again, or whose rows are sent."`
	Skipped []SkippedRepair `json:"skipped" nullable:"false"`
}

// SkippedRepair is a difference that was left as it is.
type SkippedRepair struct {
	SFID  string `json:"sfid,omitempty"`
	RowID int64  `json:"row_id,omitempty"`
	Why   string `json:"why"`
}

// StartVerify begins to compare both sides and returns at once.
func (c *Client) StartVerify(ctx context.Context, ref string, o VerifyOptions) (VerifyRun, error) {
	return call[VerifyRun](ctx, c, http.MethodPost, conn(ref, "verify"), nil, o)
}

// VerifyRun tells how a verification stands.
func (c *Client) VerifyRun(ctx context.Context, ref, id string) (VerifyRun, error) {
	return call[VerifyRun](ctx, c, http.MethodGet, conn(ref, "verify", id), nil, nil)
}

// The pauses between two looks at a verification.
const (
	firstLook  = 50 * time.Millisecond
	steadyLook = time.Second
)

// Verify compares both sides and waits for the end; progress, if not nil, hears
// how it stands. When ctx ends, the verification goes on without us.
func (c *Client) Verify(ctx context.Context, ref string, o VerifyOptions, progress func(VerifyProgress)) (Report, error) {
	run, err := c.StartVerify(ctx, ref, o)
	for wait := firstLook; err == nil && run.Status == "running"; wait = min(2*wait, steadyLook) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Report{}, fmt.Errorf("wait for a verification: %w", context.Cause(ctx))
		}
		if run, err = c.VerifyRun(ctx, ref, run.ID); err == nil && progress != nil && run.Status == "running" {
			progress(run.Progress)
		}
	}
	switch {
	case err != nil:
		return Report{}, err
	case run.Status == "interrupted":
		return Report{}, &Error{Status: http.StatusServiceUnavailable, Title: "The verification was interrupted", Detail: run.Error, Fix: run.Fix}
	case run.Status != "done":
		return Report{}, &Error{Status: http.StatusBadGateway, Title: "The verification failed", Detail: run.Error, Fix: run.Fix}
	case run.Report == nil:
		return Report{}, errors.New("the verification has ended without a report")
	}
	return *run.Report, nil
}

// Drift lists the differences that proofs have found, the newest first.
func (c *Client) Drift(ctx context.Context, ref string, o DriftOptions) (Drift, error) {
	q := url.Values{}
	set(q, "mapping", o.Mapping)
	if o.Settled {
		q.Set("settled", "true")
	}
	if o.Before > 0 {
		q.Set("before", strconv.FormatInt(o.Before, 10))
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return call[Drift](ctx, c, http.MethodGet, conn(ref, "drift"), q, nil)
}

// Repair takes one side's word for open differences of a mapping.
func (c *Client) Repair(ctx context.Context, ref, object string, o RepairOptions) (Repair, error) {
	return call[Repair](ctx, c, http.MethodPost, conn(ref, "mappings", object, "repair"), nil, o)
}
