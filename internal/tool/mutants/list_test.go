package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A guard that was rewritten must be found again: else its mutation would be
// tried on nothing.
func TestEveryMutationFindsItsGuard(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations {
		m.File = filepath.Join(root, m.File)
		if _, err := m.mutate(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}
