package store

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzCleanJSON(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\x00b", `\u0000`, `\\u0000`, "\\\x00", "\x00\x00", "\"\x00\\", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := json.Marshal(map[string]string{"k": text})
		if err != nil {
			t.Skip()
		}
		var got map[string]string
		if err := json.Unmarshal(cleanJSON(raw), &got); err != nil {
			t.Fatalf("%s became %s: %v", raw, cleanJSON(raw), err)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
		if utf8.ValidString(text) && got["k"] != want {
			t.Errorf("%q became %q, want %q", text, got["k"], want)
		}
	})
}

func TestHistogramQuantileOfNothing(t *testing.T) {
	t.Parallel()
	if got := new(Histogram).Quantile(0.5); got != 0 {
		t.Errorf("got %s", got)
	}
}
