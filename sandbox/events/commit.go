package events

import (
	"slices"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// batch is the making of events from one commit. It runs under the lock of the
// bus and of the org.
type batch struct {
	bus      *Bus
	commit   org.Commit
	sw       org.EventSwitches
	key      string
	number   int64
	sequence int
	changes  int
	over     map[string]bool
	// alike are the events that others may join, by what they say.
	alike  map[string]*Event
	events []*Event
}

// commit turns what a transaction did into events.
func (b *Bus) commit(c org.Commit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits++
	t := &batch{bus: b, commit: c, sw: b.org.Switches().Events, key: b.uuid(), number: b.commits, over: map[string]bool{}, alike: map[string]*Event{}}
	if t.sw.OverflowAfter == 0 {
		t.sw.OverflowAfter = overflowAfter
	}
	if t.sw.MaxBytes == 0 {
		t.sw.MaxBytes = maxBytes
	}
	for _, change := range c.Changes {
		t.add(change)
	}
	for _, e := range t.events {
		t.limit(e)
		if b.spoilt(e) {
			b.put(e)
			b.follow()
		}
	}
}

// add makes the event of one record, or joins it to one of the same change.
// Objects that are not selected leave a hole in the sequence.
func (t *batch) add(c org.RecordChange) {
	kind, ok := classify(c, t.sw.SilentHardDelete)
	if !ok || !Supported(c.Object) {
		return
	}
	t.sequence++
	if !slices.Contains(t.bus.selected, c.Object.Name) {
		return
	}
	e := t.event(c.Object, kind, c.ID)
	count, key := 1, ""
	switch kind {
	case update:
		if count, key = e.compare(c.Before, c.After); count == 0 {
			t.sequence--
			return
		}
	case create, undelete:
		e.body.version = c.After
	case remove:
		key = "-"
	}
	if t.overflow(c.Object, count) || t.join(e, key) {
		return
	}
	e.head.marks = t.bus.share(e.head.marks)
	t.events = append(t.events, e)
}

// join adds the event's record to an event of the same change, if there is
// one.
func (t *batch) join(e *Event, key string) bool {
	if key == "" || t.sw.NoMerge {
		return false
	}
	key = e.head.entity + e.head.change.String() + key
	if other, ok := t.alike[key]; ok {
		other.head.ids = append(other.head.ids, e.head.ids...)
		return true
	}
	t.alike[key] = e
	return false
}

func (t *batch) event(o *schema.Object, kind changeType, ids ...string) *Event {
	l := t.bus.layout(o)
	origin := t.commit.Actor.Origin
	if origin != "" && t.commit.Actor.CallClient != "" {
		origin += ";client=" + t.commit.Actor.CallClient
	}
	return &Event{
		Topic: l.topic, Layout: l,
		head: &header{
			entity: o.Name, ids: ids, change: kind, origin: origin, transaction: t.key, sequence: t.sequence,
			timestamp: t.commit.At.UnixMilli(), commit: t.number, user: t.commit.Actor.User.ID,
		},
	}
}

// overflow counts changes, and beyond the limit makes one event for each
// object that stands for all further ones.
func (t *batch) overflow(o *schema.Object, count int) bool {
	t.changes += count
	if t.changes <= t.sw.OverflowAfter {
		return false
	}
	if !t.over[o.Name] {
		t.over[o.Name] = true
		t.events = append(t.events, t.event(o, gapOverflow))
	}
	return true
}

// limit turns an event that is too large into a gap.
func (t *batch) limit(e *Event) {
	if e.head.change >= gapCreate {
		return
	}
	if e.body.version.Size() < t.sw.MaxBytes/2 && len(e.head.ids) < 1000 {
		return // its Avro form can't be larger than twice as much
	}
	if len(e.Payload(&org.Actor{System: true})) > t.sw.MaxBytes {
		e.gap()
	}
}

// gap takes everything but the header from an event that is not on the bus
// yet.
func (e *Event) gap() {
	e.head.change = e.head.change.gap()
	e.head.marks = nil
	e.body = body{}
}
