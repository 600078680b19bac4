package events

import (
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// diffFrom is the length from which on a changed long text is sent as a
// difference, if that is shorter.
const diffFrom = 1000

// textDiff is the difference between two values of a long text as a unified
// diff; ok is false where the value itself is sent.
func textDiff(f *schema.Field, was, is org.Raw) (diff string, ok bool) {
	if !f.LongText() || was.Kind() != schema.KindText || is.Kind() != schema.KindText || len(is.Text()) < diffFrom {
		return "", false
	}
	diff = unified(strings.Split(string(was.Text()), "\n"), strings.Split(string(is.Text()), "\n"))
	return diff, len(diff) < len(is.Text())
}

// unified replaces what lies between the common beginning and end of two
// texts.
func unified(was, is []string) string {
	from := 0
	for from < len(was) && from < len(is) && was[from] == is[from] {
		from++
	}
	end := 0
	for end < len(was)-from && end < len(is)-from && was[len(was)-1-end] == is[len(is)-1-end] {
		end++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- \n+++ \n@@ -%d,%d +%d,%d @@\n", from+1, len(was)-from-end, from+1, len(is)-from-end)
	for _, line := range was[from : len(was)-end] {
		b.WriteString("-" + line + "\n")
	}
	for _, line := range is[from : len(is)-end] {
		b.WriteString("+" + line + "\n")
	}
	return b.String()
}
