package main

import (
	"fmt"
	"time"
)

// The targets: calls per 1,000 changes, times from commit to acceptance, and by
// how much parallel calls beat what a program does that makes one after the
// other.
const (
	bulkCalls     = 0.7
	composedCalls = 1.2
	readBackCalls = 0.7
	latencyP50    = 150 * time.Millisecond
	latencyP99    = time.Second
	// growth is what twice the number of calls at once must bring at least.
	growth = 1.2
)

// judge prints whether a target is met, and counts those that are not.
func (b *bench) judge(met bool, format string, args ...any) {
	word := "PASS"
	if !met {
		word = "FAIL"
		b.missed++
	}
	fmt.Printf("  %s  %s\n", word, fmt.Sprintf(format, args...))
}

// judgeCalls looks at what queued changes have cost.
func (b *bench) judgeCalls(d drained, most float64) {
	b.judge(d.writeCalls <= most, "%.2f write calls per 1,000, job polls counted: at most %.1f", d.writeCalls, most)
	b.judge(d.readCalls <= readBackCalls, "%.2f read-back calls per 1,000: at most %.1f", d.readCalls, readBackCalls)
}

// judgeGrowth looks at rows per second: those of one row per call and of 200
// rows per call in turn, and those of 1, 2, 4 and 8 calls at once.
func (b *bench) judgeGrowth(single, serial float64, parallel []float64) {
	first, last := parallel[0], parallel[len(parallel)-1]
	b.judge(first > single, "one call at once: %.0f/s, one row per call: %.0f/s", first, single)
	b.judge(last > serial, "most calls at once: %.0f/s, 200 rows per call in turn: %.0f/s", last, serial)
	for i := 1; i < len(parallel); i++ {
		b.judge(parallel[i] >= growth*parallel[i-1], "twice the calls at once: %.0f/s after %.0f/s, at least %.1f times as much",
			parallel[i], parallel[i-1], growth)
	}
}
