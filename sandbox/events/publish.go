package events

import (
	"fmt"
	"time"

	"github.com/twmb/avro"
)

// maxEventBytes is the largest event that can be published.
const maxEventBytes = 1 << 20

// Publish puts a platform event onto the bus after checking its payload
// against the schema, and gives its replay Id.
func (b *Bus) Publish(t Topic, schemaID string, payload []byte) (int64, error) {
	if !t.Publish {
		return 0, fmt.Errorf("topic %s can't be published to", t.Name)
	}
	l, ok := b.Schema(schemaID)
	if !ok || l.object.Name != t.Object.Name {
		return 0, fmt.Errorf("schema %q is not one of topic %s", schemaID, t.Name)
	}
	if len(payload) > maxEventBytes {
		return 0, fmt.Errorf("event of %d bytes is larger than %d", len(payload), maxEventBytes)
	}
	parsed, err := avro.Parse(l.JSON)
	if err != nil {
		return 0, fmt.Errorf("parse schema of %s: %w", t.Name, err)
	}
	var v any
	rest, err := parsed.Decode(payload, &v)
	if err != nil {
		return 0, fmt.Errorf("payload does not fit the schema: %w", err)
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("payload has %d bytes too many", len(rest))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &Event{Topic: t.Name, Layout: l, raw: payload}
	b.put(e)
	return e.Replay, nil
}

// Deliver counts events handed to a subscriber against the quota of 24 hours.
// It gives how many of n may be delivered.
func (b *Bus) Deliver(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.delivered()
	allowed := max(min(n, b.quota()-used), 0)
	b.hours[b.hour()] += allowed
	return allowed
}

// Deliveries are the quota of delivered events in 24 hours, and its use.
func (b *Bus) Deliveries() (quota, used int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quota(), b.delivered()
}

func (b *Bus) quota() int {
	if n := b.org.Switches().Events.DailyDeliveries; n > 0 {
		return n
	}
	return dailyDeliveries
}

func (b *Bus) hour() int64 { return b.org.Clock.Now().Unix() / int64(time.Hour/time.Second) }

func (b *Bus) delivered() int {
	oldest, n := b.hour()-23, 0
	for h, k := range b.hours {
		if h < oldest {
			delete(b.hours, h)
			continue
		}
		n += k
	}
	return n
}

// Managed is a subscription whose place the server keeps.
type Managed struct {
	Name  string `json:"developerName"`
	Topic string `json:"topic"`
	// Replay is the replay Id that was last committed.
	Replay int64 `json:"replay"`
}

// Manage makes a managed subscription, from now on.
func (b *Bus) Manage(name, topic string) error {
	t, ok := b.Topic(topic)
	if !ok || name == "" {
		return fmt.Errorf("managed subscription %q: no topic %q", name, topic)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.managed[name] = &Managed{name, t.Name, b.tip}
	return nil
}

// Managed finds a managed subscription.
func (b *Bus) Managed(name string) (Managed, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, ok := b.managed[name]
	if !ok {
		return Managed{}, false
	}
	return *m, true
}

// Keep commits the place of a managed subscription.
func (b *Bus) Keep(name string, replay int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, ok := b.managed[name]
	if !ok {
		return fmt.Errorf("no managed subscription %q", name)
	}
	if replay < b.floor || replay > b.tip {
		return fmt.Errorf("replay Id %d is none of the bus", replay)
	}
	m.Replay = replay
	return nil
}
