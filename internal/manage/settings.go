package manage

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
)

// ConnectionChange changes settings of a connection; what is nil stays.
type ConnectionChange struct {
	Algorithm *mapping.Algorithm
	// Options is a merge patch: null takes an option back to its default.
	Options map[string]any
}

// MappingChange changes settings of a mapping; what is nil stays.
type MappingChange struct {
	Access      *mapping.Access
	Policy      *mapping.Policy
	PollSeconds *int
	// Options is a merge patch: null takes an option back to its default.
	Options map[string]any
}

// faults collects what is wrong with a change.
type faults []Detail

func (f *faults) options(err error) {
	errs, _ := errors.AsType[mapping.OptionErrors](err)
	for _, e := range errs {
		*f = append(*f, Detail{Where: "options." + e.Key, What: e.Problem})
	}
}

func (f *faults) add(where, format string, args ...any) {
	*f = append(*f, Detail{Where: where, What: fmt.Sprintf(format, args...)})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return invalid("The settings can't be as they were asked for; nothing was changed.", "Correct the values named.", f...)
}

// on applies the change to a connection.
func (ch ConnectionChange) on(c *mapping.Connection) error {
	var f faults
	if a := ch.Algorithm; a != nil {
		switch *a {
		case mapping.Ordered, mapping.Merged, mapping.Dependency:
			c.Algorithm = *a
		default:
			f.add("algorithm", "%q is no write algorithm; use ordered, merged or dependency", *a)
		}
	}
	if len(ch.Options) > 0 {
		var err error
		if c.Options, err = c.Options.Patched(ch.Options); err != nil {
			f.options(err)
		}
	}
	return f.err()
}

func auditConnection(c mapping.Connection) map[string]any {
	return map[string]any{"algorithm": c.Algorithm, "options": c.Options.Tree()}
}

// ChangeConnection changes settings of a connection, which may be at work: they
// count from its next step on.
func (s *Service) ChangeConnection(ctx context.Context, c Caller, ref string, ch ConnectionChange) (mapping.Connection, error) {
	conn, err := s.on(ctx, c, access.Administer, ref)
	if err != nil {
		return conn, err
	}
	next := conn
	if err := ch.on(&next); err != nil {
		return conn, err
	}
	if err := s.fitPings(ctx, conn, next); err != nil {
		return conn, err
	}
	kept := conn
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		var before mapping.Connection
		var err error
		kept, err = tx.UpdateConnection(ctx, conn.ID, func(x *mapping.Connection) error {
			before = *x
			if err := ch.on(x); err != nil {
				return err
			}
			if x.Algorithm == before.Algorithm && x.Options == before.Options {
				return errUnchanged
			}
			return nil
		})
		if err != nil {
			return err
		}
		return audit(ctx, tx, c, "connection.update", conn.ResourceName, conn.ID, auditConnection(before), auditConnection(kept))
	})
	if errors.Is(err, errUnchanged) {
		return conn, nil
	}
	if err != nil {
		return conn, problem("change the connection", err)
	}
	s.event(ctx, store.Event{Connection: conn.ID, Event: "UPDATE CONNECTION " + conn.ResourceName})
	s.changed(ctx, conn.ID)
	return kept, nil
}

// fitPings changes the trigger log's function, which decides when to notify.
func (s *Service) fitPings(ctx context.Context, old, next mapping.Connection) error {
	if next.Options.PingEvery == old.Options.PingEvery {
		return nil
	}
	mappings, err := s.store.Mappings(ctx, old.ID)
	if err != nil || len(mappings) == 0 {
		return problem("list mappings", err) // without mappings there is no log yet
	}
	session, done, err := s.session(ctx, old)
	if err != nil {
		return err
	}
	defer done()
	_, err = schema.Apply(ctx, session.DB, next, nil)
	return problem("change the log's notifications", err)
}

// Bounds of a poll interval, as a configuration file has them.
const (
	minPollSeconds = 1
	maxPollSeconds = 24 * 60 * 60
)

// on applies the change to a mapping, as far as it can be checked without the
// org.
func (ch MappingChange) on(m *mapping.Mapping) error {
	var f faults
	if a := ch.Access; a != nil {
		m.Access = *a
		if *a != mapping.ReadOnly && *a != mapping.ReadWrite {
			f.add("access", "%q is no access; use read_only or read_write", *a)
		}
	}
	if p := ch.Policy; p != nil {
		m.Policy = *p
		if *p != mapping.LastWriter && *p != mapping.SalesforceWins && *p != mapping.PostgresWins {
			f.add("conflict_policy", "%q is no conflict policy; use last_writer, salesforce or postgres", *p)
		}
	}
	if n := ch.PollSeconds; n != nil {
		m.PollSeconds = *n
		if *n < minPollSeconds || *n > maxPollSeconds {
			f.add("sf_polling_seconds", "a whole number from %d to %d is wanted, not %d", minPollSeconds, maxPollSeconds, *n)
		}
	}
	if len(ch.Options) > 0 {
		old := m.Options
		next, err := old.Patched(ch.Options, m.Fields)
		f.options(err)
		if next.ExactNumbers != old.ExactNumbers {
			f.add("options.exact_numbers", tableOption)
		}
		if next.TimestampTZ != old.TimestampTZ {
			f.add("options.timestamptz", tableOption)
		}
		m.Options = next
	}
	return f.err()
}

const tableOption = "the type of columns is set when the table is made; delete the mapping with its table, then import it with the option"

// ChangeMapping changes settings of a mapping, which may be at work: they count
// from its next step on. What only the org can judge is asked there first.
func (s *Service) ChangeMapping(ctx context.Context, c Caller, ref, object string, ch MappingChange) (mapping.Mapping, error) {
	conn, err := s.on(ctx, c, access.Administer, ref)
	if err != nil {
		return mapping.Mapping{}, err
	}
	old, err := s.mappingOf(ctx, conn, object)
	if err != nil {
		return mapping.Mapping{}, err
	}
	next := old
	if err := ch.on(&next); err != nil {
		return old, err
	}
	if sameConfig(old, next) {
		return old, nil
	}
	table, err := s.fit(ctx, conn, old, next)
	if err != nil {
		return old, err
	}
	kept, err := s.keepMapping(ctx, c, conn, old, ch, table)
	if err != nil {
		return old, problem("change the mapping", err)
	}
	s.event(ctx, store.Event{Connection: conn.ID, Mapping: kept.ID, Event: "UPDATE MAPPING " + kept.ObjectName})
	s.changed(ctx, conn.ID)
	return kept, nil
}

// fit holds a changed mapping against the org and changes its table's triggers
// where the access needs it. It returns no table when none of that is needed.
func (s *Service) fit(ctx context.Context, conn mapping.Connection, old, next mapping.Mapping) (*mapping.Table, error) {
	filtered := next.Options.Filter != old.Options.Filter
	resolved := !maps.Equal(next.Options.ResolveFrom, old.Options.ResolveFrom)
	turned := next.Access != old.Access
	if !turned && !filtered && !resolved {
		return nil, nil //nolint:nilnil // nothing to be held against
	}
	session, done, err := s.session(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer done()
	table, err := session.Table(salesforce.WithUse(ctx, next.ObjectName, "settings"), next)
	if err != nil {
		return nil, problem("hold the settings against the org", err)
	}
	if filtered {
		if err := tryFilter(ctx, session, table); err != nil {
			return nil, err
		}
	}
	if turned {
		if _, err := schema.Apply(ctx, session.DB, conn, []*mapping.Table{table}); err != nil {
			return nil, problem("change the table's triggers", err)
		}
	}
	return table, nil
}

// tryFilter lets the org say whether it understands a filter; it counts no
// records.
func tryFilter(ctx context.Context, session *engine.Session, t *mapping.Table) error {
	if t.Mapping.Options.Filter == "" {
		return nil
	}
	soql := "SELECT COUNT() FROM " + t.Object + " WHERE (" + t.Mapping.Options.Filter + ") AND Id = null"
	_, err := session.Org.Count(salesforce.WithUse(ctx, t.Object, "settings"), soql, false)
	e, ok := errors.AsType[*salesforce.Error](err)
	if ok && e.Class != salesforce.RetrySoon && e.Class != salesforce.RetryLater && e.Class != salesforce.Reauthorize {
		return invalid("The org does not take the filter; nothing was changed.", "Correct the condition; fields have their API names.",
			Detail{Where: "options.filter", What: e.Error()})
	}
	return problem("try the filter in the org", err)
}

func (s *Service) keepMapping(ctx context.Context, c Caller, conn mapping.Connection, old mapping.Mapping, ch MappingChange, table *mapping.Table) (mapping.Mapping, error) {
	var kept mapping.Mapping
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		var before mapping.Mapping
		var err error
		kept, err = tx.UpdateMapping(ctx, old.ID, func(x *mapping.Mapping) error {
			if x.Revision != old.Revision {
				return &Problem{Kind: Conflict, What: "The mapping was changed by somebody else meanwhile.", Fix: "Look at it and try again."}
			}
			before = *x
			return ch.on(x)
		})
		if err != nil {
			return err
		}
		if table != nil {
			if err := noteApplied(ctx, tx, kept, table); err != nil {
				return err
			}
		}
		return audit(ctx, tx, c, "mapping.update", kept.ObjectName, conn.ID, auditMapping(before), auditMapping(kept))
	})
	return kept, err
}
