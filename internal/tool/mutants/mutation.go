package main

import (
	"fmt"
	"os"
	"strings"
)

// mutation is one guard taken out.
type mutation struct {
	// Name says what is taken out.
	Name string
	// Invariant is the one that the guard keeps (docs/INVARIANTS.md).
	Invariant string
	// File holds Old exactly once; New takes its place.
	File, Old, New string
	// Tests of which at least one must turn red.
	Tests []tests
	// Todo says why the mutation is not killed yet; "" if it is.
	Todo string
}

// tests are tests of one package, by the pattern of go test -run.
type tests struct{ Package, Run string }

func (m mutation) named(words []string) bool {
	for _, w := range words {
		if strings.Contains(strings.ToLower(m.Name), strings.ToLower(w)) {
			return true
		}
	}
	return len(words) == 0
}

// mutate gives the file's text with the guard taken out.
func (m mutation) mutate() ([]byte, error) {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return nil, fmt.Errorf("read the file to change: %w", err)
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return nil, fmt.Errorf("%s holds the text to take out %d times, not once: bring list.go up to date", m.File, n)
	}
	return []byte(strings.Replace(string(text), m.Old, m.New, 1)), nil
}
