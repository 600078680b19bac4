package main

import (
	"fmt"
	"slices"
)

// goal is a bound that a run has to keep.
type goal struct {
	what  string
	bound float64
	// least: the value must not be below the bound; otherwise not above it.
	least bool
	value func(*bench) (float64, bool)
}

var goals = []goal{
	{"load, × the time of the ceiling", 0.75, false, ratio("load", "ceiling")},
	{"load, × the time of the strict ceiling", 0.9, false, ratio("load", "strict")},
	{"load, times as fast as the export with COPY", 2.1, true, ratio("export", "load")},
	{"load beside a row of the application's, × the time of the ceiling", 1.4, false, ratio("beside", "ceiling")},
	{"far org, five pages at once, times as fast as one", 4, true, ratio("slow1", "slow")},
	{"marks, part of the load's time", 0.05, false, marksCost},
	{"calls of a load per million rows", 35, false, callsPerMillion},
	{"peak memory of serve, MiB", 96, false, func(b *bench) (float64, bool) { return b.peak("serve") }},
	{"growth of it from 200,000 rows, MiB", 10, false, growth},
}

// ratio gives the median over the rounds of how much longer one takes than the
// other.
func ratio(name, to string) func(*bench) (float64, bool) {
	return func(b *bench) (float64, bool) {
		return b.medianOf(name, to, func(r, o result) float64 { return r.Took.Seconds() / o.Took.Seconds() })
	}
}

// medianOf pairs the results of two measures by round.
func (b *bench) medianOf(name, to string, value func(r, o result) float64) (float64, bool) {
	rs, others := b.results[name], b.results[to]
	var values []float64
	for i := range min(len(rs), len(others)) {
		values = append(values, value(rs[i], others[i]))
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	return values[len(values)/2], true
}

func marksCost(b *bench) (float64, bool) {
	with, ok := ratio("load", "unmarked")(b)
	return with - 1, ok
}

func callsPerMillion(b *bench) (most float64, ok bool) {
	for _, r := range b.results["load"] {
		most, ok = max(most, float64(r.Calls)*1e6/float64(b.rows)), true
	}
	return most, ok && b.rows >= 1_000_000 // a small load has the same first and last calls
}

func (b *bench) peak(name string) (float64, bool) {
	most := 0
	for _, r := range b.results[name] {
		most = max(most, r.PeakMiB)
	}
	return float64(most), most > 0
}

func growth(b *bench) (float64, bool) {
	all, ok := b.peak("serve")
	few, also := b.peak("serve200")
	return all - few, ok && also
}

// print gives the medians and says which targets are kept.
func (b *bench) print() {
	fmt.Printf("\n%d rows of %d columns, median of %d\n", b.rows, b.columns, b.rounds)
	for _, m := range b.measures() {
		rs := slices.Clone(b.results[m.name])
		if len(rs) == 0 {
			continue
		}
		slices.SortFunc(rs, func(a, b result) int { return int(a.Took - b.Took) })
		line := fmt.Sprintf("%-8s %s", m.name, b.describe(m.name, rs[len(rs)/2]))
		if v, ok := ratio(m.name, "ceiling")(b); ok {
			line += fmt.Sprintf("; %.2f × ceiling", v)
		}
		fmt.Println(line)
	}
	fmt.Println()
	for _, g := range goals {
		v, ok := g.value(b)
		if !ok {
			continue
		}
		word, sign, kept := "FAIL", "≤", v <= g.bound
		if g.least {
			sign, kept = "≥", v >= g.bound
		}
		if kept {
			word = "PASS"
		}
		fmt.Printf("%s  %s: %.2f (%s %v)\n", word, g.what, v, sign, g.bound)
	}
}
