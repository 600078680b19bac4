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

// succeeded ends the trouble that the turn's key was in. The connection's own
// ends with the turn: see recovered.
func (e *Engine) succeeded(ctx context.Context, t *Turn) {
	e.failures.clear(t.Key)
	if t.Kind == KindLoad {
		for i := range t.Mappings {
			e.reportMapping(ctx, &t.Mappings[i], trouble{})
		}
	}
	c := t.Config.Status.Condition
	t.run.troubled = c != mapping.Fine && !waitsForPerson(c)
}

// recovered ends a connection's trouble once none of its turns has ended in
// trouble. Each turn that ends well looks, so the last of them finds it so.
func (e *Engine) recovered(ctx context.Context, connection uuid.UUID) {
	sc, err := e.scope(ctx, Key{Connection: connection})
	if err != nil || sc.connection.Status.Condition == mapping.Fine || waitsForPerson(sc.connection.Status.Condition) {
		return
	}
	turns, err := e.store.Turns(ctx)
	if err != nil {
		return
	}
	for _, t := range turns {
		if t.Connection == connection && t.Mapping == "" && t.LastError != "" && sc.wants(t.Key) {
			return
		}
	}
	e.setCondition(ctx, &sc.connection.Status, connection, uuid.Nil, mapping.Fine, "")
}

// countError adds to the metric of errors.
func (e *Engine) countError(key Key, sc *scope, t trouble) {
	if e.cfg.Metrics == nil {
		return
	}
	object, class := "", string(t.condition)
	for _, m := range sc.mappings {
		if m.ID.String() == key.Mapping {
			object = m.ObjectName
		}
	}
	if class == "" {
		class = "passing"
	}
	e.cfg.Metrics.ErrorsTotal.WithLabelValues(key.Connection.String(), object, class).Inc()
}
