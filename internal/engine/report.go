package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
)

// report stores trouble that concerns a whole key. It is the mapping's when a
// load turn has it and it lies in the mapping; trouble with the database or
// the org is the connection's.
func (e *Engine) report(ctx context.Context, key Key, sc *scope, t trouble) {
	if key.Mapping != "" && (t.condition == mapping.BadConfig || t.condition == mapping.SystemError) {
		for i := range sc.mappings {
			if sc.mappings[i].ID.String() == key.Mapping {
				e.reportMapping(ctx, &sc.mappings[i], t)
			}
		}
		return
	}
	e.setCondition(ctx, &sc.connection.Status, sc.connection.ID, uuid.Nil, t.condition, t.cause)
}

// reportMapping stores how a mapping fares. Trouble that passes by itself, or
// that is the connection's, is not the mapping's.
func (e *Engine) reportMapping(ctx context.Context, m *mapping.Mapping, t trouble) {
	if t.passing || t.hidden || t.fenced {
		return
	}
	if t.stale {
		e.sessions.forgetDescribes(m.ConnectionID)
	}
	e.setCondition(ctx, &m.Status, m.ConnectionID, m.ID, t.condition, t.cause)
}

// setCondition writes a condition if it differs from what was read.
func (e *Engine) setCondition(ctx context.Context, st *mapping.Status, connection, m uuid.UUID, c mapping.Condition, cause string) {
	if st.Condition == c && st.Cause == cause {
		return
	}
	changed, err := e.store.SetCondition(ctx, connection, m, c, cause)
	if err != nil {
		e.log.WarnContext(ctx, "condition not stored", "connection", connection, "mapping", m, "condition", c, "error", err)
		return
	}
	st.Condition, st.Cause = c, cause
	if changed {
		e.log.InfoContext(ctx, "condition changed", "connection", connection, "mapping", m, "condition", c, "cause", cause)
	}
}

// succeeded ends the trouble that the turn's key was in. A connection is fine
// again when none of its other turns ended in trouble.
func (e *Engine) succeeded(ctx context.Context, t *Turn) {
	e.failures.clear(t.Key)
	if t.Kind == KindLoad {
		for i := range t.Mappings {
			if t.Mappings[i].ID.String() == t.Mapping {
				e.reportMapping(ctx, &t.Mappings[i], trouble{})
			}
		}
	}
	if t.Config.Status.Condition == mapping.Fine || waitsForPerson(t.Config.Status.Condition) {
		return
	}
	turns, err := e.store.Turns(ctx)
	if err != nil {
		return
	}
	for _, other := range turns {
		if other.Connection == t.Connection && other.Key != t.Key && other.Mapping == "" && other.LastError != "" {
			return
		}
	}
	e.setCondition(ctx, &t.Config.Status, t.Connection, uuid.Nil, mapping.Fine, "")
}
