package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/target"
)

// Hold is a mass deletion that the brake holds, or held.
type Hold struct {
	brake.Hold
	// Object is "" if its mapping is gone.
	Object string
}

// Holds lists the deletions that wait for a decision, newest first; with all
// also those that were decided.
func (s *Service) Holds(ctx context.Context, c Caller, ref string, all bool) ([]Hold, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil || len(mappings) == 0 {
		return nil, problem("list mappings", err)
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return nil, problem("open the database", err)
	}
	list, err := brake.Of(conn.ID).List(ctx, db.Pool(), all)
	if err != nil {
		return nil, problem("read what the brake holds", err)
	}
	objects := map[uuid.UUID]string{}
	for _, m := range mappings {
		objects[m.ID] = m.ObjectName
	}
	out := make([]Hold, len(list))
	for i, h := range list {
		out[i] = Hold{Hold: h, Object: objects[h.Mapping]}
	}
	return out, nil
}

// DecideHold lets a held deletion happen, or with release false gives it up: the
// rows, or the records, stay.
func (s *Service) DecideHold(ctx context.Context, c Caller, ref string, id int64, release bool) error {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return err
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return problem("open the database", err)
	}
	action, decide := "brake.discard", brake.Of(conn.ID).Discard
	if release {
		action, decide = "brake.release", brake.Of(conn.ID).Release
	}
	err = db.Plain(ctx, target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		return decide(ctx, tx, id, c.Name)
	})
	if errors.Is(err, brake.ErrDecided) {
		return &Problem{
			Kind: Conflict, What: fmt.Sprintf("The brake holds no deletion %d: it was decided already, has lapsed, or never was.", id),
			Fix: "List what it holds: syncline brake", Err: err,
		}
	}
	if err != nil {
		return problem("decide on a held deletion", err)
	}
	err = s.auditOn(ctx, c, conn, action, map[string]any{"hold": id})
	s.wakeSides(ctx, conn)
	return problem("decide on a held deletion", err)
}
