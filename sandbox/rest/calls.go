package rest

import (
	"sync"

	"github.com/synclinehq/syncline/sandbox/org"
)

// calls keeps the daily quota and the count of calls by client and kind.
type calls struct {
	clock *org.Clock

	mu      sync.Mutex
	hours   map[int64]int
	byKind  map[string]map[string]int
	refused int
}

func newCalls(clock *org.Clock) *calls {
	return &calls{clock: clock, hours: map[int64]int{}, byKind: map[string]map[string]int{}}
}

// count admits one call, or refuses it when the quota of 24 hours is used up.
func (c *calls) count(client, kind string, daily int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sum() >= daily {
		c.refused++
		return false
	}
	c.hours[c.hour()]++
	c.add(client, kind)
	return true
}

// note counts a call that is not part of the quota.
func (c *calls) note(client, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(client, kind)
}

func (c *calls) add(client, kind string) {
	kinds := c.byKind[client]
	if kinds == nil {
		kinds = map[string]int{}
		c.byKind[client] = kinds
	}
	kinds[kind]++
}

func (c *calls) hour() int64 { return c.clock.Now().Unix() / 3600 }

// sum is the use of the last 24 hours, to the hour.
func (c *calls) sum() int {
	oldest := c.hour() - 23
	n := 0
	for h, k := range c.hours {
		if h < oldest {
			delete(c.hours, h)
			continue
		}
		n += k
	}
	return n
}

func (c *calls) used() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum()
}

// callReport is the reply of the control plane's count of calls.
type callReport struct {
	Used    int                       `json:"used"`
	Refused int                       `json:"refused"`
	Clients map[string]map[string]int `json:"clients"`
	Totals  map[string]int            `json:"totals"`
}

func (c *calls) report() callReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := callReport{Used: c.sum(), Refused: c.refused, Clients: map[string]map[string]int{}, Totals: map[string]int{}}
	for client, kinds := range c.byKind {
		r.Clients[client] = map[string]int{}
		for k, n := range kinds {
			r.Clients[client][k] = n
			r.Totals[client] += n
		}
	}
	return r
}

// reset zeroes the count by client; quota also gives the daily quota back.
func (c *calls) reset(quota bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKind = map[string]map[string]int{}
	c.refused = 0
	if quota {
		c.hours = map[int64]int{}
	}
}
