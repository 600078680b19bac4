package pubsub_test

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"testing"
)

// readBitmaps reads the bitmaps of an event's header as a client does, sorted.
func readBitmaps(t *testing.T, maps []any, field func(int) string, member func(int) string) []string {
	t.Helper()
	var names []string
	for _, m := range maps {
		text, parent := fmt.Sprint(m), -1
		if i := strings.IndexByte(text, '-'); i > 0 {
			if _, err := fmt.Sscan(text[:i], &parent); err != nil {
				t.Fatal(err)
			}
			text = text[i+1:]
		}
		digits, ok := strings.CutPrefix(text, "0x")
		b, err := hex.DecodeString(digits)
		if !ok || err != nil || strings.ToUpper(digits) != digits {
			t.Fatalf("bitmap %q: %v", m, err)
		}
		for i := range b {
			for bit := range 8 {
				if b[len(b)-1-i]>>bit&1 == 0 {
					continue
				}
				if place := i*8 + bit; parent >= 0 {
					names = append(names, field(parent)+"."+member(place))
				} else {
					names = append(names, field(place))
				}
			}
		}
	}
	sort.Strings(names)
	return names
}
