package manage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// MappingRemoval says how a mapping is deleted.
type MappingRemoval struct {
	// Confirm must be the object's name, typed by a person.
	Confirm string
	// DropTable drops the table too, with all that is in it. Otherwise it stays,
	// without our triggers.
	DropTable bool
	// Discard gives up changes that wait to be sent; without it they are in the
	// way.
	Discard bool
}

// DeleteMapping removes a mapping. It is stopped first, and what is in flight
// ends; the database is changed before the mapping goes, so that a removal that
// was cut off can be asked for again.
func (s *Service) DeleteMapping(ctx context.Context, c Caller, ref, object string, how MappingRemoval) error {
	conn, err := s.on(ctx, c, access.Administer, ref)
	if err != nil {
		return err
	}
	m, err := s.mappingOf(ctx, conn, object)
	if err != nil {
		return err
	}
	if how.Confirm != m.ObjectName {
		return &Problem{Kind: Conflict, What: "The mapping was not deleted: the confirmation does not match.",
			Fix: fmt.Sprintf("Confirm with its object, %q.", m.ObjectName)}
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return problem("open the database", err)
	}
	undo, err := s.stopMapping(ctx, conn, m)
	if err != nil {
		return err
	}
	given, err := s.clearMapping(ctx, conn, m, db, how)
	if err != nil {
		undo()
		return err
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteMapping(ctx, m.ID); err != nil {
			return err
		}
		return audit(ctx, tx, c, "mapping.delete", m.ObjectName, conn.ID, auditMapping(m),
			map[string]any{"table_dropped": how.DropTable, "changes_discarded": given})
	})
	if err != nil {
		return problem("delete the mapping", err)
	}
	s.event(ctx, store.Event{Connection: conn.ID, Event: "DELETE MAPPING " + m.ObjectName, Fields: map[string]any{"table_dropped": how.DropTable}})
	s.changed(ctx, conn.ID)
	return nil
}

// stopMapping pauses a mapping; undo puts its pause back to what it was.
func (s *Service) stopMapping(ctx context.Context, conn mapping.Connection, m mapping.Mapping) (undo func(), err error) {
	set := func(ctx context.Context, paused bool) error {
		_, err := s.store.UpdateMapping(ctx, m.ID, func(x *mapping.Mapping) error { return put(&x.Status.Paused, paused) })
		return s.tellUnless(ctx, conn.ID, err)
	}
	if err := set(ctx, true); err != nil {
		return nil, problem("stop the mapping", err)
	}
	return func() {
		if err := set(context.WithoutCancel(ctx), m.Status.Paused); err != nil {
			s.log.WarnContext(ctx, "mapping stays paused", "mapping", m.ID, "error", err)
		}
	}, nil
}

// clearMapping takes a stopped mapping out of the database and returns how many
// changes were given up.
func (s *Service) clearMapping(ctx context.Context, conn mapping.Connection, m mapping.Mapping, db *target.DB, how MappingRemoval) (int, error) {
	table := schema.Shorten(strings.ToLower(m.ObjectName))
	there, err := hasLog(ctx, db, conn.Schema)
	if err != nil {
		return 0, err
	}
	if there {
		if err := s.awaitSent(ctx, conn, db, m, table, how.Discard); err != nil {
			return 0, err
		}
	}
	s.awaitQuiet(ctx, conn.ID, func(a engine.Activity) bool { return a.Mapping == m.ID.String() })
	if err := s.fenceOff(ctx, conn, db, []mapping.Mapping{m}); err != nil {
		return 0, err
	}
	change := schema.ReleaseTables
	if how.DropTable {
		change = schema.DropTables
	}
	if err := change(ctx, db, conn, table); err != nil {
		return 0, problem("change the table", err)
	}
	var given int
	err = db.Plain(ctx, target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		if there {
			if given, err = triggerlog.In(conn.Schema).GiveUp(ctx, tx, table); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM _syncline.base WHERE connection_id = $1 AND table_name = $2", conn.ID, table); err != nil {
			return fmt.Errorf("forget bases: %w", err)
		}
		return target.ForgetMapping(ctx, tx, m.ID, kept...)
	})
	return given, problem("forget what was kept of the mapping", err)
}

// sentWithin is how long a removal waits for writes that are on their way.
const sentWithin = 5 * time.Second

// awaitSent waits until no write of the table is on its way.
func (s *Service) awaitSent(ctx context.Context, conn mapping.Connection, db *target.DB, m mapping.Mapping, table string, discard bool) error {
	// The limit ends the waiting, never a look under way: that would read as a
	// database that does not answer.
	limit := time.NewTimer(sentWithin)
	defer limit.Stop()
	for {
		q, err := queues(ctx, db, conn.Schema)
		if err != nil {
			return problem("read the trigger log", err)
		}
		waiting := q[table]
		switch {
		case waiting.Pending == 0 && waiting.Unsent > 0 && !discard:
			return &Problem{Kind: Conflict, What: fmt.Sprintf("%d changes of %s wait to be sent; nothing was deleted.", waiting.Unsent, m.ObjectName),
				Fix: "Let them be sent, or give them up: --discard"}
		case waiting.Pending == 0:
			return nil
		}
		select {
		case <-ctx.Done():
			return problem("wait for the writes on their way", ctx.Err())
		case <-limit.C:
			return &Problem{Kind: Conflict, What: fmt.Sprintf("%d writes of %s are on their way; nothing was deleted.", waiting.Pending, m.ObjectName),
				Fix: "Try again when they have ended; see syncline errors for those whose outcome is unknown."}
		case <-time.After(quietLook):
		}
	}
}

// hasLog says whether the schema has a trigger log.
func hasLog(ctx context.Context, db *target.DB, schemaName string) (there bool, err error) {
	name := pgx.Identifier{schemaName, "_trigger_log"}.Sanitize()
	err = db.Pool().QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there)
	return there, problem("look for the trigger log", err)
}

// kept are tables of _syncline that outlive a mapping: history, and what a
// later mapping of the table takes up.
var kept = []string{"owned_table", "conflict", "drift"}

// fenceOff makes whoever is still at work with the connection commit nothing
// more; of loads, those of the mappings.
func (s *Service) fenceOff(ctx context.Context, conn mapping.Connection, db *target.DB, mappings []mapping.Mapping) error {
	if len(mappings) == 0 {
		return nil // there were no turns
	}
	keys := []engine.Key{
		{Connection: conn.ID, Kind: engine.KindRead}, {Connection: conn.ID, Kind: engine.KindWrite}, {Connection: conn.ID, Kind: engine.KindTend},
	}
	for _, m := range mappings {
		keys = append(keys, engine.Key{Connection: conn.ID, Kind: engine.KindLoad, Mapping: m.ID.String()})
	}
	for _, key := range keys {
		fence, err := s.store.RaiseFence(ctx, key)
		if err == nil {
			err = db.Raise(ctx, fence)
		}
		if err != nil {
			return problem("stop what is in flight", err)
		}
	}
	return nil
}
