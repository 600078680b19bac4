package brake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
)

// Direction is where the deletions go.
type Direction string

// Read deletes rows because records are gone, Write records because rows are.
const (
	Read  Direction = "read"
	Write Direction = "write"
)

// Limits are what a run may delete without asking: it is held when it would
// delete more than Rows and more than Percent of the mapping.
type Limits struct{ Rows, Percent int }

// LimitsOf takes the defaults, 1,000 rows and 5 %, where a connection sets none.
func LimitsOf(o mapping.ConnectionOptions) Limits {
	l := Limits{Rows: o.BrakeRows, Percent: o.BrakePercent}
	if l.Rows <= 0 {
		l.Rows = 1000
	}
	if l.Percent <= 0 {
		l.Percent = 5
	}
	return l
}

// Exceeded says whether that many deletions among that many rows are too many.
func (l Limits) Exceeded(deletes, of int64) bool {
	return deletes > int64(l.Rows) && deletes*100 > of*int64(l.Percent)
}

// Run is what a run would delete.
type Run struct {
	Mapping   uuid.UUID
	Direction Direction
	// Deletes among Of rows of the mapping.
	Deletes, Of int64
	// Sample are some of the sfids, for a person to look at.
	Sample []string
	Limits Limits
	// Reason is what found them, in words.
	Reason string
	// Strict says why any deletion is held; "" leaves it to the limits.
	Strict string
}

// Answer is what a run may do.
type Answer int

// The answers.
const (
	Pass      Answer = iota // delete
	Held                    // wait for a person
	Released                // a person said yes: delete, then Spend the hold
	Discarded               // a person said no: leave the rows
)

// Decision is how a hold ended.
type Decision string

// The decisions; Undecided holds are open. Lapsed ones ended by themselves.
const (
	Undecided Decision = ""
	Release   Decision = "release"
	Discard   Decision = "discard"
	Lapse     Decision = "lapse"
)

// Hold is a mass deletion that waits or waited.
type Hold struct {
	ID          int64
	Mapping     uuid.UUID
	Direction   Direction
	Reason      string
	Rows, Of    int64
	Sample      []string
	HeldAt      time.Time
	Decision    Decision
	DecidedAt   time.Time // zero while undecided
	DecidedBy   string
	Spent       bool // a released deletion is done
	decidedSpan time.Duration
}

// Querier is a transaction or a pool of the target database.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Brake is one connection's.
type Brake struct{ connection uuid.UUID }

// Of returns the brake of a connection.
func Of(connection uuid.UUID) *Brake { return &Brake{connection} }

// releaseLasts is how long a release that no run has spent counts.
const releaseLasts = 24 * time.Hour

// covers says whether a decision that was made over so many rows also holds for
// that many: what was seen may have grown a little meanwhile.
func covers(seen, now int64) bool { return now <= seen+seen/10+100 }

// Check says whether a run may delete. It opens a hold, or brings an open one up
// to date, when it may not; so q must be a transaction that commits then too.
func (b *Brake) Check(ctx context.Context, q Querier, r Run) (Answer, Hold, error) {
	last, known, err := b.latest(ctx, q, r.Mapping, r.Direction)
	if err != nil {
		return Held, Hold{}, err
	}
	open := known && last.Decision == Undecided
	switch {
	case r.Deletes == 0:
		if open {
			return Pass, Hold{}, b.decide(ctx, q, last.ID, Lapse, "")
		}
		return Pass, Hold{}, nil
	case open: // what is held stays held, however few are left
	case r.Strict == "" && !r.Limits.Exceeded(r.Deletes, r.Of):
		return Pass, Hold{}, nil
	case known && covers(last.Rows, r.Deletes):
		if last.Decision == Release && !last.Spent && last.decidedSpan < releaseLasts {
			return Released, last, nil
		}
		if last.Decision == Discard && !last.Spent {
			return Discarded, last, nil
		}
	}
	h, err := b.hold(ctx, q, r)
	return Held, h, err
}

// hold opens a hold or updates the open one.
func (b *Brake) hold(ctx context.Context, q Querier, r Run) (Hold, error) {
	reason := r.Reason
	if r.Strict != "" {
		reason = r.Strict
	}
	sample := r.Sample[:min(len(r.Sample), maxSample)]
	if sample == nil {
		sample = []string{}
	}
	h, err := scan(q.QueryRow(ctx, `
		INSERT INTO _syncline.hold AS h (connection_id, mapping, direction, reason, rows, of, sample)
		VALUES ($1, $2, $3, $4, $5, $6, $7::text[])
		ON CONFLICT (connection_id, mapping, direction) WHERE decision IS NULL
		DO UPDATE SET reason = excluded.reason, rows = excluded.rows, of = excluded.of,
			sample = excluded.sample, updated_at = clock_timestamp()
		RETURNING `+columns, b.connection, r.Mapping, string(r.Direction), reason, r.Deletes, r.Of, sample))
	if err != nil {
		return Hold{}, fmt.Errorf("hold deletions: %w", err)
	}
	return h, nil
}

// maxSample bounds a hold's sample.
const maxSample = 20

// Spend says that the deletion which a decision was about is done. A hold that
// is not decided stays as it is.
func (b *Brake) Spend(ctx context.Context, q Querier, id int64) error {
	_, err := q.Exec(ctx, `UPDATE _syncline.hold SET spent_at = coalesce(spent_at, clock_timestamp())
		WHERE connection_id = $1 AND id = $2 AND decision IS NOT NULL`, b.connection, id)
	if err != nil {
		return fmt.Errorf("spend the release of hold %d: %w", id, err)
	}
	return nil
}

// ErrDecided means that somebody has decided on a hold already, or that there
// is none of that number.
var ErrDecided = errors.New("no hold of this number is open: it was decided already, or has lapsed")

// Release lets a held deletion happen: the next run carries it out. By names the
// person. A hold that is not open is [ErrDecided].
func (b *Brake) Release(ctx context.Context, q Querier, id int64, by string) error {
	return b.decide(ctx, q, id, Release, by)
}

// Discard gives a held deletion up: the rows, or records, stay.
func (b *Brake) Discard(ctx context.Context, q Querier, id int64, by string) error {
	return b.decide(ctx, q, id, Discard, by)
}

func (b *Brake) decide(ctx context.Context, q Querier, id int64, d Decision, by string) error {
	tag, err := q.Exec(ctx, `UPDATE _syncline.hold
		SET decision = $3, released_at = clock_timestamp(), released_by = nullif($4::text, '')
		WHERE connection_id = $1 AND id = $2 AND decision IS NULL`, b.connection, id, string(d), by)
	if err != nil {
		return fmt.Errorf("decide on hold %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrDecided
	}
	return nil
}
