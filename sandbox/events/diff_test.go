package events

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// applyDiff patches lines by a unified diff of one hunk.
func applyDiff(t *rapid.T, lines []string, diff string) []string {
	rows := strings.Split(strings.TrimSuffix(diff, "\n"), "\n")
	var from, gone, to, come int
	if _, err := fmt.Sscanf(rows[2], "@@ -%d,%d +%d,%d @@", &from, &gone, &to, &come); err != nil {
		t.Fatalf("hunk %q: %v", rows[2], err)
	}
	var added []string
	for _, r := range rows[3:] {
		if text, ok := strings.CutPrefix(r, "+"); ok {
			added = append(added, text)
		}
	}
	return slices.Concat(lines[:from-1], added, lines[from-1+gone:])
}
