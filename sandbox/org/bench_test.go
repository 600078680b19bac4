package org

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkSeed reports the cost of a stored row in time and memory.
func BenchmarkSeed(b *testing.B) {
	for _, name := range []string{"Account", "Contact", "Opportunity"} {
		b.Run(name, func(b *testing.B) {
			o, stored := newOrg(b), false
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			if _, err := o.Seed(SeedPlan{Object: name, Rows: b.N, Seed: 1, Computed: &stored}); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(b.N), "heap-B/row")
			runtime.KeepAlive(o)
		})
	}
}

// BenchmarkUpdate is one transaction of 200 updates among 100,000 records.
func BenchmarkUpdate(b *testing.B) {
	o := newOrg(b)
	if _, err := o.Seed(SeedPlan{Object: "Account", Rows: 100_000, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	obj := object(b, o, "Account")
	b.ResetTimer()
	for i := range b.N {
		tx := o.Begin(actor(o))
		for j := range 200 {
			n := uint64((i*200+j)*7919%100_000) + 1
			if err := tx.Update(obj, MakeID("001", n), Body{{"Name", fmt.Sprintf("n %d %d", i, j)}}); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*200/b.Elapsed().Seconds(), "rows/s")
}
