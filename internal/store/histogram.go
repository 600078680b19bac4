package store

import (
	"slices"
	"time"
)

// latencyBounds are the upper bounds of a histogram's buckets; one more bucket
// holds what is longer. Stored histograms go by place: append only.
var latencyBounds = [...]time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond,
	200 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour,
}

// Histogram counts latencies by bucket. The zero value is empty and ready.
type Histogram struct {
	Count    int64
	Sum, Max time.Duration
	// Buckets are counts; it is as long as the longest latency needs.
	Buckets []int64
}

// Observe counts one latency; a negative one counts as none.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.Count, h.Sum, h.Max = h.Count+1, h.Sum+d, max(h.Max, d)
	place, _ := slices.BinarySearch(latencyBounds[:], d)
	h.grow(place + 1)
	h.Buckets[place]++
}

// Merge adds another histogram.
func (h *Histogram) Merge(other Histogram) {
	h.Count, h.Sum, h.Max = h.Count+other.Count, h.Sum+other.Sum, max(h.Max, other.Max)
	h.grow(len(other.Buckets))
	for i, n := range other.Buckets {
		h.Buckets[i] += n
	}
}

func (h *Histogram) grow(length int) {
	if missing := length - len(h.Buckets); missing > 0 {
		h.Buckets = append(slices.Clip(h.Buckets), make([]int64, missing)...)
	}
}

// Quantile returns an upper bound of the latency that the share p (0 to 1) of
// all stayed within: the bound of its bucket, or Max where that is lower. It
// is 0 for an empty histogram.
func (h *Histogram) Quantile(p float64) time.Duration {
	rank := p * float64(h.Count)
	var seen int64
	for i, n := range h.Buckets {
		seen += n
		if n > 0 && float64(seen) >= rank && i < len(latencyBounds) {
			return min(latencyBounds[i], h.Max)
		}
	}
	return h.Max
}
