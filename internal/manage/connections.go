package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

// Connections lists those that the caller may see, by app and resource name.
func (s *Service) Connections(ctx context.Context, c Caller) ([]mapping.Connection, error) {
	all, err := s.store.Connections(ctx)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	var out []mapping.Connection
	for _, conn := range all {
		if c.Check(access.View, conn.ID) == nil {
			out = append(out, conn)
		}
	}
	return out, nil
}

// Mappings lists a connection's mappings by object name.
func (s *Service) Mappings(ctx context.Context, c Caller, ref string) ([]mapping.Mapping, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	out, err := s.store.Mappings(ctx, conn.ID)
	return out, problem("list mappings", err)
}

// Mapping returns one mapping by its object's name.
func (s *Service) Mapping(ctx context.Context, c Caller, ref, object string) (mapping.Mapping, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return mapping.Mapping{}, err
	}
	return s.mappingOf(ctx, conn, object)
}

// DeleteConnection removes a connection. Confirm must be its resource name,
// typed by a person. The tables stay in the database unless dropTables; they go
// first, so that a removal that was cut off can be asked for again.
func (s *Service) DeleteConnection(ctx context.Context, c Caller, ref, confirm string, dropTables bool) error {
	conn, err := s.on(ctx, c, access.Administer, ref)
	if err != nil {
		return err
	}
	if confirm != conn.ResourceName {
		return &Problem{Kind: Conflict, What: "The connection was not deleted: the confirmation does not match.",
			Fix: fmt.Sprintf("Confirm with its resource name, %q.", conn.ResourceName)}
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil {
		return fmt.Errorf("list mappings: %w", err)
	}
	var db *target.DB
	if dropTables {
		if err := s.dropAll(ctx, conn, mappings); err != nil {
			return err
		}
	} else if slices.ContainsFunc(mappings, func(m mapping.Mapping) bool { return m.Status.Stage == mapping.StageLoading }) {
		// Without its database a connection can be deleted too.
		if db, err = s.lookAt(ctx, conn); err != nil {
			s.log.WarnContext(ctx, "the database is not looked at", "connection", conn.ResourceName, "error", err)
		}
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteConnection(ctx, conn.ID); err != nil {
			return err
		}
		return audit(ctx, tx, c, "connection.delete", conn.ResourceName, conn.ID,
			map[string]any{"name": conn.Name, "schema": conn.Schema, "mappings": objects(mappings)},
			map[string]any{"tables_dropped": dropTables})
	})
	if err != nil {
		return problem("delete the connection", err)
	}
	s.changed(ctx, conn.ID)
	if db != nil {
		s.redress(ctx, conn, db)
	}
	s.forgetLook(conn.ID)
	return nil
}

// dropAll stops a connection and takes it out of its database. Where that does
// not work it goes on.
func (s *Service) dropAll(ctx context.Context, conn mapping.Connection, mappings []mapping.Mapping) error {
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return problem("open the database", err)
	}
	if err := db.Migrate(ctx); err != nil { // a removal that was cut off may have dropped _syncline
		return problem("prepare the database", err)
	}
	if err := s.setStopped(ctx, conn, true); err != nil {
		return problem("stop the connection", err)
	}
	s.awaitQuiet(ctx, conn.ID, func(engine.Activity) bool { return true })
	if err = s.fenceOff(ctx, conn, db, mappings); err == nil {
		err = problem("drop the tables; nothing was deleted", schema.DropAll(ctx, db, conn))
	}
	if err != nil {
		if undo := s.setStopped(context.WithoutCancel(ctx), conn, conn.Status.Paused); undo != nil {
			s.log.WarnContext(ctx, "connection stays paused", "connection", conn.ID, "error", undo)
		}
	}
	return err
}

// setStopped pauses a connection, or puts its pause back.
func (s *Service) setStopped(ctx context.Context, conn mapping.Connection, paused bool) error {
	_, err := s.store.UpdateConnection(ctx, conn.ID, func(x *mapping.Connection) error { return put(&x.Status.Paused, paused) })
	return s.tellUnless(ctx, conn.ID, err)
}

// put sets a value; [errUnchanged] if it has it already.
func put(to *bool, value bool) error {
	if *to == value {
		return errUnchanged
	}
	*to = value
	return nil
}

// tellUnless tells of a change of the connection, unless there was none.
func (s *Service) tellUnless(ctx context.Context, connection uuid.UUID, err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	s.changed(ctx, connection)
	return err
}

// redress gives the tables of a connection that was deleted while it loaded
// their indexes back.
func (s *Service) redress(ctx context.Context, conn mapping.Connection, db *target.DB) {
	s.awaitQuiet(ctx, conn.ID, func(engine.Activity) bool { return true })
	if err := schema.Redress(ctx, db, conn); err != nil {
		s.log.WarnContext(ctx, "the connection is deleted, and a table whose load did not end lacks its indexes",
			"connection", conn.ResourceName, "error", err)
	}
}

func (s *Service) forgetLook(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.looks[id]; l != nil {
		delete(s.looks, id)
		go l.db.Close()
	}
}

func objects(mappings []mapping.Mapping) []string {
	out := make([]string, len(mappings))
	for i, m := range mappings {
		out[i] = m.ObjectName
	}
	return out
}

// PollNow makes the connection's mappings due at once, or with an object's name
// one of them.
func (s *Service) PollNow(ctx context.Context, c Caller, ref, object string) error {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return err
	}
	if conn.Status.Paused || conn.Options.PauseReads {
		return &Problem{Kind: Conflict, What: "The connection is paused.", Fix: "Resume it first: syncline resume"}
	}
	if object != "" {
		m, err := s.mappingOf(ctx, conn, object)
		if err != nil {
			return err
		}
		if m.ReadsPaused(&conn) {
			return &Problem{Kind: Conflict, What: "The reads of " + m.ObjectName + " are paused.", Fix: "Resume them first: syncline resume " + m.ObjectName}
		}
		if err := s.store.AskPoll(ctx, m.ID); err != nil {
			return problem("ask for a poll", err)
		}
	}
	return problem("wake the reader", s.cfg.Engine.Wake(ctx, engine.Key{Connection: conn.ID, Kind: engine.KindRead}))
}
