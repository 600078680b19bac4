package engine

import (
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// shown keeps the metrics of a node to what there is, and its gauges to the
// connections whose chores it does: a gauge that another node sets would stand
// still here.
type shown struct {
	metrics *telemetry.Metrics            // nil: nothing is shown
	objects map[uuid.UUID]map[string]bool // mapped objects at the last look
	away    map[uuid.UUID]bool            // another node does the chores
}

func newShown(m *telemetry.Metrics) *shown {
	return &shown{metrics: m, objects: map[uuid.UUID]map[string]bool{}, away: map[uuid.UUID]bool{}}
}

// update compares with what was there at the last look.
func (s *shown) update(st *state, self uuid.UUID) {
	if s.metrics == nil {
		return
	}
	for id, before := range s.objects {
		sc := st.scopes[id]
		if sc == nil {
			s.metrics.ForgetConnection(id.String())
			delete(s.objects, id)
			delete(s.away, id)
			continue
		}
		for _, m := range sc.mappings {
			delete(before, m.ObjectName)
		}
		for object := range before {
			s.metrics.ForgetMapping(id.String(), object)
		}
	}
	for id, sc := range st.scopes {
		objects := make(map[string]bool, len(sc.mappings))
		for _, m := range sc.mappings {
			objects[m.ObjectName] = true
		}
		s.objects[id] = objects
		s.release(id, st.rows[sc.key(KindTend, "")], self)
	}
}

// release gives the gauges up when a turn of chores is in another node's hand.
func (s *shown) release(id uuid.UUID, chores store.Turn, self uuid.UUID) {
	if chores.Node == uuid.Nil {
		return
	}
	away := chores.Node != self
	if away && !s.away[id] {
		s.metrics.ReleaseConnection(id.String())
	}
	s.away[id] = away
}
