package demo

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// status tells people what goes on: lines that stay, and on a terminal one
// line at the end that is replaced.
type status struct {
	out      io.Writer
	terminal bool
	shown    int // width of the replaceable line
	last     string
}

func newStatus(out io.Writer) *status {
	s := &status{out: out}
	if f, ok := out.(*os.File); ok {
		s.terminal = term.IsTerminal(int(f.Fd()))
	}
	return s
}

// line prints a line that stays.
func (s *status) line(format string, args ...any) {
	s.wipe()
	_, _ = fmt.Fprintf(s.out, format+"\n", args...) // nobody is left to tell
}

// replace shows a line in place of the one shown before. Where lines can't be
// replaced it is printed when it says something new.
func (s *status) replace(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text == s.last {
		return
	}
	s.last = text
	if !s.terminal {
		return
	}
	s.wipe()
	_, _ = fmt.Fprint(s.out, text)
	s.shown = len([]rune(text))
}

func (s *status) wipe() {
	if s.shown > 0 {
		_, _ = fmt.Fprint(s.out, "\r"+strings.Repeat(" ", s.shown)+"\r")
		s.shown = 0
	}
}

// end leaves the replaceable line as it stands.
func (s *status) end() {
	if s.shown > 0 {
		_, _ = fmt.Fprintln(s.out)
		s.shown = 0
	}
}
