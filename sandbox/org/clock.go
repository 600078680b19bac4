package org

import (
	"sync/atomic"
	"time"
)

// Clock is the org's time: the machine's time plus an offset that can be
// stepped while the org runs. The zero value is the machine's time.
type Clock struct {
	offset atomic.Int64
}

// Now is the org's present time in UTC.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC()
}

// Step moves the clock by d, forwards or backwards.
func (c *Clock) Step(d time.Duration) { c.offset.Add(int64(d)) }

// Offset is the present distance to the machine's time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }
