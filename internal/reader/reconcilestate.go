package reader

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// reconcileState is how far the comparison of a mapping's Ids has come. It
// lives beside the mark, in _syncline.reconcile.
type reconcileState struct {
	// View is the mapping's view (see view) that was last seen.
	View string
	// Strict says why any deletion is held until all is compared; "" usually.
	Strict string
	// StartedAt is zero while no comparison is under way. By the target's clock.
	StartedAt, DoneAt time.Time
	Detail            reconcileDetail
	// known is false for a mapping that has no state yet; open says that rows are
	// missing their record, or a hold waits for a person.
	known, open bool
}

// reconcileDetail is what only the comparison itself needs.
type reconcileDetail struct {
	// User is the Id of the user as whom it was last compared.
	User string `json:"user,omitempty"`
	// Ranges are compared one after the other; At is the next one.
	Ranges []idRange `json:"ranges,omitempty"`
	At     int       `json:"at,omitempty"`
	// Bulk says that Ids come by Bulk jobs, NoBulk that the object has none.
	Bulk   bool   `json:"bulk,omitempty"`
	NoBulk bool   `json:"no_bulk,omitempty"`
	Job    idsJob `json:"job,omitzero"`
	// Extra records were deferred by this comparison.
	Extra int `json:"extra,omitempty"`
	// Early has the next comparison begin at once.
	Early bool `json:"early,omitempty"`
	// DeletedAt is when getDeleted was last asked, by the target's clock;
	// DeletedTo up to when its answers are complete, by the org's.
	DeletedAt time.Time `json:"deleted_at,omitzero"`
	DeletedTo time.Time `json:"deleted_to,omitzero"`
}

// idRange is the Ids behind After up to UpTo; "" is no bound.
type idRange struct {
	After string `json:"after,omitempty"`
	UpTo  string `json:"up_to,omitempty"`
}

// idsJob is the Bulk job that lists a range.
type idsJob struct {
	ID string `json:"id,omitempty"`
	// Asked is when it was created, Next when it is looked at again; both by the
	// target's clock.
	Asked time.Time `json:"asked,omitzero"`
	Next  time.Time `json:"next,omitzero"`
	Looks int       `json:"looks,omitempty"`
}

func (s *reconcileState) running() bool { return !s.StartedAt.IsZero() }

func salesforceUse(ctx context.Context, t *mapping.Table) context.Context {
	return salesforce.WithUse(ctx, t.Object, "reconcile")
}

// states reads those of all mappings of the connection in one statement: most
// of the time there is nothing to do, and it should cost next to nothing.
func (r *Reader) states(ctx context.Context) (map[uuid.UUID]reconcileState, error) {
	rows, err := r.db.Pool().Query(ctx, `
		SELECT c.mapping, coalesce(view, ''), coalesce(strict, ''), started_at, done_at, coalesce(detail::text, '{}'),
			EXISTS (SELECT FROM _syncline.missing m WHERE (m.connection_id, m.mapping) = (c.connection_id, c.mapping))
			OR EXISTS (SELECT FROM _syncline.hold h WHERE (h.connection_id, h.mapping) = (c.connection_id, c.mapping)
				AND h.direction = 'read' AND h.decision IS NULL)
		FROM _syncline.reconcile c WHERE c.connection_id = $1`, r.connection)
	if err != nil {
		return nil, fmt.Errorf("read the state of comparing Ids: %w", err)
	}
	out := map[uuid.UUID]reconcileState{}
	var (
		id            uuid.UUID
		started, done *time.Time
		text          string
		s             reconcileState
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &s.View, &s.Strict, &started, &done, &text, &s.open}, func() error {
		s.Detail, s.known = reconcileDetail{}, true
		s.StartedAt, s.DoneAt = moment(started), moment(done)
		out[id] = s
		got := out[id]
		if err := json.Unmarshal([]byte(text), &got.Detail); err != nil {
			return err
		}
		out[id] = got
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the state of comparing Ids: %w", err)
	}
	return out, nil
}

// open makes the state if there is none, and notices that the filter was
// changed.
func (c *comparison) open(ctx context.Context) error {
	if !c.state.known {
		return c.first(ctx)
	}
	return c.compareView(ctx, view(c.table))
}

// first makes the state, with the view that the mapping was loaded with.
func (c *comparison) first(ctx context.Context) error {
	c.state.View = c.loadedView
	who, err := c.r.org.Identity(ctx)
	if err != nil {
		return fmt.Errorf("ask whose session it is: %w", err)
	}
	c.state.Detail.User = who.UserID
	if err := c.compareView(ctx, view(c.table)); err != nil {
		return err
	}
	return c.save(ctx)
}

// compareView has everything compared anew, with any deletion held, once the
// filter has changed.
func (c *comparison) compareView(ctx context.Context, now string) error {
	s := &c.state
	if s.View == now {
		return nil
	}
	s.View, s.Strict = now, "the mapping's filter was changed"
	s.StartedAt, s.Detail.Ranges, s.Detail.At, s.Detail.Job, s.Detail.Early = time.Time{}, nil, 0, idsJob{}, true
	return c.save(ctx)
}

func (c *comparison) save(ctx context.Context) error {
	_, err := c.r.db.Write(ctx, c.fence, target.Options{}, c.saveIn)
	return err
}

func (c *comparison) saveIn(ctx context.Context, tx *target.Tx) error {
	s := &c.state
	text, err := json.Marshal(s.Detail)
	if err != nil {
		return fmt.Errorf("render the state of comparing Ids: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO _syncline.reconcile (connection_id, mapping, view, strict, started_at, done_at, detail, updated_at)
		VALUES ($1, $2, $3, nullif($4::text, ''), $5, $6, $7::text::jsonb, clock_timestamp())
		ON CONFLICT (connection_id, mapping) DO UPDATE SET view = excluded.view, strict = excluded.strict,
			started_at = excluded.started_at, done_at = excluded.done_at, detail = excluded.detail, updated_at = excluded.updated_at`,
		c.r.connection, c.table.Mapping.ID, s.View, s.Strict, orNull(s.StartedAt), orNull(s.DoneAt), string(text))
	if err != nil {
		return fmt.Errorf("store the state of comparing Ids: %w", err)
	}
	return nil
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
