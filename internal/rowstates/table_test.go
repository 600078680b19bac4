package rowstates

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	document = "../../docs/row-states.md"
	begin    = "<!-- table -->\n"
)

// TestEachCell brings a row into each state, lets each event happen and compares
// how it ends with the document. SYNCLINE_ROW_STATES=write writes what it finds
// into the document instead, to be read before it is committed.
func TestEachCell(t *testing.T) {
	want := documented(t)
	found := map[string]map[string]string{}
	var mu sync.Mutex
	t.Run("states", func(t *testing.T) {
		for i, st := range states {
			t.Run(st.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				got := map[string]string{}
				for j, ev := range events {
					name := fmt.Sprintf("r%dc%d", i, j)
					t.Run(ev.name, func(t *testing.T) {
						outcome, ok := s.happen(t, name, st, ev)
						if ok {
							got[ev.name] = outcome
						}
						if documented := want[st.name][ev.name]; outcome != documented && !writing() {
							t.Errorf("ends as %q, the document says %q", outcome, documented)
						}
					})
				}
				mu.Lock()
				found[st.name] = got
				mu.Unlock()
			})
		}
	})
	if writing() && !t.Failed() {
		rewrite(t, found)
	}
}

func writing() bool { return os.Getenv("SYNCLINE_ROW_STATES") == "write" }

// happen is one cell; false if the event can't happen in this state.
func (s *site) happen(t *testing.T, ext string, st state, ev event) (string, bool) {
	t.Helper()
	was := s.TB
	s.TB = t
	defer func() { s.TB = was }()
	s.policy("")
	s.Faultless()
	s.org.during = nil
	c := &cell{site: s, ext: ext}
	st.set(c)
	c.later()
	happened := true
	if c.inFlight {
		s.newWriter(time.Millisecond)
		s.org.during = func() {
			c.alive()
			happened = ev.do(c)
		}
		s.write()
	} else {
		happened = ev.do(c)
	}
	s.newWriter(time.Millisecond)
	s.rest()
	if !happened {
		return "", false
	}
	return c.outcome(), true
}

// documented reads the tables of the document: outcomes by state and event.
func documented(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(document))
	if err != nil {
		t.Fatal(err)
	}
	_, tables, _ := strings.Cut(string(text), begin)
	out := map[string]map[string]string{}
	state := ""
	for line := range strings.Lines(tables) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			state = strings.ToLower(name[:1]) + name[1:]
			out[state] = map[string]string{}
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if strings.HasPrefix(line, "|") && len(cells) == 2 && !strings.HasPrefix(line, "|--") {
			out[state][strings.TrimSpace(cells[0])] = strings.TrimSpace(cells[1])
		}
	}
	return out
}

// TestDocumentHasTheseCells compares the names of states and events both ways.
func TestDocumentHasTheseCells(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"": true, "event": true}
	for _, ev := range events {
		known[ev.name] = true
	}
	want := documented(t)
	for _, st := range states {
		if want[st.name] == nil {
			t.Errorf("the document has no state %q", st.name)
		}
		for name := range want[st.name] {
			if !known[name] {
				t.Errorf("%s: there is no event %q", st.name, name)
			}
		}
		delete(want, st.name)
	}
	for name := range want {
		t.Errorf("there is no state %q", name)
	}
}

func rewrite(t *testing.T, found map[string]map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(document))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), begin)
	var b strings.Builder
	b.WriteString(head + begin)
	for _, st := range states {
		b.WriteString("\n### " + strings.ToUpper(st.name[:1]) + st.name[1:] + "\n\n" + st.means + "\n\n| event | ends as |\n|--|--|\n")
		for _, ev := range events {
			if outcome, ok := found[st.name][ev.name]; ok {
				b.WriteString("| " + ev.name + " | " + outcome + " |\n")
			}
		}
	}
	if err := os.WriteFile(filepath.FromSlash(document), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
