package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// printJSON prints a value, indented.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.env.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// show prints v as JSON if asked to, and otherwise calls text.
func (a *app) show(v any, text func(w io.Writer)) error {
	if a.json {
		return a.printJSON(v)
	}
	w := &errWriter{w: a.env.Stdout}
	text(w)
	if w.err != nil {
		return fmt.Errorf("print: %w", w.err)
	}
	return nil
}

// errWriter remembers the first error, so that printing need not look.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	if e.err != nil {
		return len(p), nil //nolint:nilerr // whoever prints goes on; the error is told at the end
	}
	_, e.err = e.w.Write(p)
	return len(p), nil
}

// table prints rows under a head.
func table(w io.Writer, head []string, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(cells []string) {
		for i := range cells {
			cells[i] = safe(cells[i])
		}
		_, _ = fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	line(head)
	for _, row := range rows {
		line(row)
	}
	_ = tw.Flush() // errWriter keeps the error
}

// pairs prints names and values.
func pairs(w io.Writer, list ...[2]string) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, p := range list {
		if p[1] != "" {
			_, _ = fmt.Fprintf(tw, "%s\t%s\n", p[0], safe(p[1]))
		}
	}
	_ = tw.Flush() // errWriter keeps the error
}

// safe replaces what would act on a terminal: names and messages come from
// other systems.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return '�'
		}
		return r
	}, s)
}

func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

func count(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// ago is a span of seconds in words; below 0 it is not known.
func ago(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case seconds < 0:
		return "-"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
