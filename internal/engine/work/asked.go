package work

import (
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
)

// addAsked adds the mappings of which a poll was asked for by themselves to
// those that are polled now, and the wakes that came with it to ours. A wish
// that this node sees for the first time may be an old one.
func (w *Work) addAsked(mappings []mapping.Mapping, now map[uuid.UUID]time.Time, ours int64) (map[uuid.UUID]time.Time, int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range mappings {
		last, known := w.asked[m.ID]
		w.asked[m.ID] = m.PollsAsked
		if !known || m.PollsAsked <= last {
			continue
		}
		if now == nil {
			now = map[uuid.UUID]time.Time{}
		}
		now[m.ID] = time.Now()
		ours += m.PollsAsked - last
	}
	return now, ours
}
