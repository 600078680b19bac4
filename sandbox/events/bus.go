package events

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// retention is how long the bus keeps an event.
const retention = 72 * time.Hour

// AllChanges is the topic of the changes of all selected objects.
const AllChanges = "/data/ChangeEvents"

// firstReplay is about where the replay Ids of a new org begin.
const firstReplay = 4_000_000

// The defaults of what an org's switches may say otherwise.
const (
	maxEntities     = 5
	dailyDeliveries = 1_000_000
	overflowAfter   = 100_000
	maxBytes        = 1_000_000
)

// Event is one event on the bus. It never changes.
type Event struct {
	// Replay is its place: later events have greater ones, with holes.
	Replay int64
	At     time.Time
	// Topic is its own topic; a change event is on AllChanges too.
	Topic string
	// ID is a UUID.
	ID     string
	Layout *Layout
	head   *header
	body   body
	// raw is the payload of a platform event.
	raw []byte
}

// Payload is the event in Avro for a reader, without what the reader may not
// see.
func (e *Event) Payload(a *org.Actor) []byte {
	if e.head == nil {
		return e.raw
	}
	hidden := func(f *schema.Field) bool { return f != nil && !a.CanSee(e.Layout.object, f) }
	return e.appendBody(e.Layout.mask(e.head, hidden).append(nil), hidden)
}

// Brief is an event in words, for people.
type Brief struct {
	Replay int64     `json:"replay"`
	At     time.Time `json:"at"`
	Topic  string    `json:"topic"`
	Entity string    `json:"entity,omitempty"`
	Change string    `json:"change,omitempty"`
	IDs    []string  `json:"ids,omitempty"`
	// Fields that an update changed.
	Fields []string `json:"fields,omitempty"`
	Origin string   `json:"origin,omitempty"`
}

// Brief describes the event.
func (e *Event) Brief() Brief {
	b := Brief{Replay: e.Replay, At: e.At, Topic: e.Topic}
	if e.head == nil {
		return b
	}
	b.Entity = e.head.entity
	b.Change, b.IDs, b.Origin = e.head.change.String(), e.head.ids, e.head.origin
	for i, f := range e.Layout.fields {
		if e.head.change == update && e.head.shows(i+1) {
			b.Fields = append(b.Fields, f.name)
		}
	}
	return b
}

// pendingEvent can't be read before it is due.
type pendingEvent struct {
	*Event
	due time.Time
}

// Bus is the event bus of an org. It is safe for concurrent use.
type Bus struct {
	org *org.Org

	mu       sync.Mutex
	rand     *rand.Rand
	selected []string // names of objects
	layouts  map[*schema.Object]*Layout
	schemas  map[string]*Layout
	topics   map[string][]*Event
	pending  []pendingEvent
	marks    map[string]*marks
	last     int64 // newest replay Id given out
	tip      int64 // newest that can be read
	floor    int64 // newest that has been dropped
	commits  int64
	wake     chan struct{}
	spoil    []*Spoil
	held     []*Event // by a fault
	managed  map[string]*Managed
	hours    map[int64]int
}

// New makes the bus of an org and begins to watch it. The objects that the
// demo uses are selected.
func New(o *org.Org) *Bus {
	b := &Bus{org: o, layouts: map[*schema.Object]*Layout{}, schemas: map[string]*Layout{}}
	b.Reset()
	o.Watch(b.commit)
	return b
}

// Reset drops all events, faults and selections.
func (b *Bus) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rand = rand.New(rand.NewPCG(0xe7e27, 0xb05))
	b.selected = nil
	for _, name := range []string{"Account", "Contact", "Lead", "Opportunity", "Project__c"} {
		if _, ok := b.org.Catalog.Object(name); ok {
			b.selected = append(b.selected, name)
		}
	}
	b.topics, b.pending, b.spoil, b.held = map[string][]*Event{}, nil, nil, nil
	b.managed, b.hours = map[string]*Managed{}, map[int64]int{}
	b.last = max(b.last, firstReplay)
	b.tip, b.floor = b.last, b.last
	b.wakeAll()
}

// Resume continues behind a replay Id that an earlier run gave out. The events
// of then are gone.
func (b *Bus) Resume(replay int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = max(b.last, replay)
	b.tip, b.floor = b.last, b.last
}

// wakeAll tells everybody who waits. The caller holds the lock.
func (b *Bus) wakeAll() {
	if b.wake != nil {
		close(b.wake)
	}
	b.wake = make(chan struct{})
}

// Wait gives a channel that is closed at the next event.
func (b *Bus) Wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wake
}

// Selected lists the objects whose changes become events.
func (b *Bus) Selected() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.selected)
}

// ErrTooMany is more selected objects than the org may have.
var ErrTooMany = errors.New("more objects are selected than the org's limit of change data capture")

// Select replaces the selection.
func (b *Bus) Select(objects []string) error {
	limit := b.org.Switches().Events.MaxEntities
	if limit == 0 {
		limit = maxEntities
	}
	if len(objects) > limit {
		return ErrTooMany
	}
	names := make([]string, 0, len(objects))
	for _, name := range objects {
		obj, ok := b.org.Catalog.Object(name)
		if !ok || !Supported(obj) {
			return errors.New("object " + name + " has no change events")
		}
		names = append(names, obj.Name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.selected = names
	return nil
}

// layout finds or makes the form of an object's events. The caller holds the
// lock.
func (b *Bus) layout(o *schema.Object) *Layout {
	l := b.layouts[o]
	if l == nil {
		if IsPlatformEvent(o) {
			l = platformLayout(o)
		} else {
			l = changeLayout(o)
		}
		b.layouts[o] = l
		b.schemas[l.ID] = l
	}
	return l
}

// Schema finds a schema by its Id. All that ever were are known.
func (b *Bus) Schema(id string) (*Layout, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.schemas[id]
	return l, ok
}

// Topic is something to subscribe to.
type Topic struct {
	Name string
	// Layout is the present form of its events, nil for AllChanges.
	Layout *Layout
	// Object whose changes it tells, nil for AllChanges.
	Object *schema.Object
	// Publish says that clients may publish to it.
	Publish bool
}

// Topic finds a topic by its name; ok is false if the org has none.
func (b *Bus) Topic(name string) (t Topic, ok bool) {
	if name == AllChanges {
		return Topic{Name: AllChanges}, true
	}
	kind, rest, found := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !found || !strings.HasPrefix(name, "/") {
		return t, false
	}
	for _, obj := range b.org.Catalog.Objects() {
		switch {
		case kind == "event" && IsPlatformEvent(obj) && strings.EqualFold(rest, obj.Name):
			t = Topic{Name: "/event/" + obj.Name, Object: obj, Publish: true}
		case kind == "data" && Supported(obj) && strings.EqualFold(rest, ChangeEventName(obj.Name)):
			t = Topic{Name: changeTopic(obj.Name), Object: obj}
		default:
			continue
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		t.Layout = b.layout(obj)
		return t, true
	}
	return t, false
}

func changeTopic(object string) string { return "/data/" + ChangeEventName(object) }

// nextReplay gives out a replay Id, leaving holes. The caller holds the lock.
func (b *Bus) nextReplay() int64 {
	b.last++
	if b.rand.IntN(4) == 0 {
		b.last += b.rand.Int64N(7)
	}
	return b.last
}

// maxMarks bounds how many sets of marks are shared.
const maxMarks = 4096

// share gives equal marks of several events the same memory: they never change
// once the event is made. The caller holds the lock.
func (b *Bus) share(m *marks) *marks {
	if m == nil {
		return nil
	}
	key := strings.Join(slices.Concat(m.nulled.list(), []string{"/"}, m.diff.list(), []string{"/"}, m.changed.list()), ",")
	if same, ok := b.marks[key]; ok {
		return same
	}
	if b.marks == nil || len(b.marks) >= maxMarks {
		b.marks = map[string]*marks{}
	}
	b.marks[key] = m
	return m
}

func (b *Bus) uuid() string {
	var id [16]byte
	for i := range id {
		id[i] = byte(b.rand.Uint32())
	}
	id[6], id[8] = id[6]&15|0x40, id[8]&63|0x80
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// put takes an event onto the bus, at once or after the org's delay. The
// caller holds the lock.
func (b *Bus) put(e *Event) {
	e.Replay, e.ID, e.At = b.nextReplay(), b.uuid(), b.org.Clock.Now()
	delay := time.Duration(b.org.Switches().Events.DelayMS) * time.Millisecond
	if delay == 0 && len(b.pending) == 0 {
		b.show(e)
		return
	}
	b.pending = append(b.pending, pendingEvent{e, time.Now().Add(delay)})
	time.AfterFunc(delay, b.ripen)
}

// ripen shows the events whose delay is over, in order.
func (b *Bus) ripen() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.pending) > 0 && !b.pending[0].due.After(time.Now()) {
		b.show(b.pending[0].Event)
		b.pending = b.pending[1:]
	}
}

func (b *Bus) show(e *Event) {
	b.topics[e.Topic] = append(b.topics[e.Topic], e)
	if e.head != nil {
		b.topics[AllChanges] = append(b.topics[AllChanges], e)
	}
	b.tip = e.Replay
	b.wakeAll()
}

// prune drops events that are too old. The caller holds the lock.
func (b *Bus) prune() {
	oldest := b.org.Clock.Now().Add(-retention)
	for name, list := range b.topics {
		n := sort.Search(len(list), func(i int) bool { return !list[i].At.Before(oldest) })
		if n > 0 {
			b.floor = max(b.floor, list[n-1].Replay)
			b.topics[name] = list[n:]
		}
	}
}

// Expire drops all events, as if their 72 hours were over.
func (b *Bus) Expire() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for name, list := range b.topics {
		if name != AllChanges {
			n += len(list)
		}
	}
	b.topics, b.floor = map[string][]*Event{}, b.tip
	return n
}

// After lists up to n events of a topic after a replay Id.
func (b *Bus) After(topic string, replay int64, n int) []*Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune()
	list := b.topics[topic]
	from := sort.Search(len(list), func(i int) bool { return list[i].Replay > replay })
	return slices.Clone(list[from:min(from+n, len(list))])
}

// Bounds are the replay Ids that a subscription may begin after: the newest
// that was dropped, and the newest of all.
func (b *Bus) Bounds() (floor, tip int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune()
	return b.floor, b.tip
}

// Recent lists the newest n change events of all selected objects, newest
// first.
func (b *Bus) Recent(n int) []*Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.topics[AllChanges]
	out := slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(out)
	return out
}
