package events

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
)

// Spoil is a fault of the bus: what becomes of the next events of an object.
type Spoil struct {
	// Object whose events it meets; "" is all.
	Object string `json:"object,omitempty"`
	// Kind is "gap" (the event becomes a gap), "lose" (it never comes), "twice"
	// (it comes again, under another replay Id) or "swap" (it comes after the
	// next event).
	Kind string `json:"kind"`
	// Count is how many events it meets; 0 is all from now on.
	Count int `json:"count,omitempty"`
	Hits  int `json:"hits"`
}

// Spoil puts a fault in force.
func (b *Bus) Spoil(s Spoil) error {
	switch s.Kind {
	case "gap", "lose", "twice", "swap":
	default:
		return fmt.Errorf("kind is %q, must be gap, lose, twice or swap", s.Kind)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoil = append(b.spoil, &s)
	return nil
}

// Unspoil lifts all faults of the bus.
func (b *Bus) Unspoil() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoil = nil
}

// Spoils lists the faults in force.
func (b *Bus) Spoils() []Spoil {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Spoil{}
	for _, s := range b.spoil {
		list = append(list, *s)
	}
	return list
}

// spoilt does to an event what the faults in force say, and reports whether it
// goes onto the bus. The caller holds the lock.
func (b *Bus) spoilt(e *Event) bool {
	for _, s := range b.spoil {
		if s.Object != "" && !strings.EqualFold(s.Object, e.head.entity) || s.Count > 0 && s.Hits >= s.Count {
			continue
		}
		s.Hits++
		switch s.Kind {
		case "lose":
			return false
		case "gap":
			if e.head.change < gapCreate {
				e.gap()
			}
		case "twice":
			again := *e
			b.put(&again)
		case "swap":
			b.held = append(b.held, e)
			return false
		}
		return true
	}
	return true
}

// follow puts the events that wait for one to overtake them onto the bus. The
// caller holds the lock.
func (b *Bus) follow() {
	for _, e := range b.held {
		b.put(e)
	}
	b.held = nil
}

// Inject puts a made-up change event onto the bus that no commit stands
// behind: kind is a GAP_* type, or UPDATE with a wildcard of an object's Ids
// ("001*").
func (b *Bus) Inject(a *org.Actor, object, kind string, ids []string) error {
	obj, ok := b.org.Catalog.Object(object)
	if !ok || !Supported(obj) {
		return fmt.Errorf("object %q has no change events", object)
	}
	change := changeType(-1)
	for i, name := range changeTypes {
		if strings.EqualFold(name, kind) {
			change = changeType(i)
		}
	}
	wild := change == update && len(ids) == 1 && strings.HasSuffix(ids[0], "*")
	if change < gapCreate && !wild || change > gapOverflow {
		return errors.New("kind must be GAP_CREATE, GAP_UPDATE, GAP_DELETE, GAP_UNDELETE or GAP_OVERFLOW, or UPDATE with one wildcard")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits++
	t := &batch{bus: b, commit: org.Commit{At: b.org.Clock.Now(), Actor: a}, key: b.uuid(), number: b.commits, sequence: 1}
	e := t.event(obj, change, ids...)
	b.put(e)
	return nil
}
