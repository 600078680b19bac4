package bulk

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

func TestReader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		delim    string
		want     [][]string
		err      string
	}{
		{name: "plain", in: "Name,City\nAcme,Bonn\n", want: [][]string{{"Name", "City"}, {"Acme", "Bonn"}}},
		{name: "no line end at the end", in: "a\nb", want: [][]string{{"a"}, {"b"}}},
		{name: "mark of UTF-8", in: "\xef\xbb\xbfName\nx\n", want: [][]string{{"Name"}, {"x"}}},
		{name: "quotes", in: `"a ""b""","c,d"` + "\n", want: [][]string{{`a "b"`, "c,d"}}},
		{name: "line ends inside stay", in: "\"a\r\nb\",\"c\nd\"\r\n", want: [][]string{{"a\r\nb", "c\nd"}}},
		{name: "empty cells", in: ",\n\"\",x\n", want: [][]string{{"", ""}, {"", "x"}}},
		{name: "trailing delimiter", in: "a,", want: [][]string{{"a", ""}}},
		{name: "empty lines are skipped", in: "a\n\n\r\nb\n", want: [][]string{{"a"}, {"b"}}},
		{name: "pipes", in: "a|b\n", delim: "PIPE", want: [][]string{{"a", "b"}}},
		{name: "open quote", in: "a\n\"b", err: "row 2: quote is not closed"},
		{name: "single quote inside", in: "\"a\"b\"\n", err: "not doubled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := ParseFormat(tt.delim, "")
			if err != nil {
				t.Fatal(err)
			}
			var got [][]string
			r := newReader([]byte(tt.in), f)
			for {
				values, ok, err := r.next()
				if err != nil {
					if tt.err == "" || !strings.Contains(err.Error(), tt.err) {
						t.Fatalf("error %v, want %q", err, tt.err)
					}
					return
				}
				if !ok {
					break
				}
				got = append(got, values)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormatRefusesUnknownNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"DOT", ""}, {"", "CR"}} {
		if _, err := ParseFormat(names[0], names[1]); err == nil || !strings.Contains(err.Error(), "must be") {
			t.Errorf("format %v: %v", names, err)
		}
	}
}

// TestDates holds the calendar of this package against the library's.
func TestDates(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		unix := rnd.Int64N(72_000_000_000) - 8_520_000_000 // 1700 to 4251
		want := time.Unix(unix, 0).UTC()
		if got := string(appendInstant(nil, unix)); got != want.Format("2006-01-02T15:04:05.000Z") {
			t.Fatalf("second %d is %s, want %s", unix, got, want)
		}
		if got := string(appendDate(nil, unix/secondsPerDay)); got != schema.FormatDate(unix/secondsPerDay) {
			t.Fatalf("day %d is %s", unix/secondsPerDay, got)
		}
	}
}

func TestNumbersAsInRest(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{0, 1, -1, 0.25, 1e-3, 9.99e-4, 3.5e8, 1e7, 9_999_999, 9_999_999.5, -123.75, 1e-5, 12345678901} {
		if got := string(appendNumber(nil, schema.TypeDouble, f)); got != schema.FormatDouble(f) {
			t.Errorf("%v is written %s, want %s", f, got, schema.FormatDouble(f))
		}
	}
	if got := string(appendNumber(nil, schema.TypeInt, 12345678)); got != "12345678" {
		t.Errorf("integer is written %s", got)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	tests := map[string]*org.RowError{
		"REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --": {Code: "REQUIRED_FIELD_MISSING",
			Message: "Required fields are missing: [LastName]", Fields: []string{"LastName"}},
		"INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--": {Code: "INVALID_CROSS_REFERENCE_KEY", Message: "invalid cross reference id"},
	}
	for want, e := range tests {
		if got := errorText(e); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// FuzzReader checks that any bytes are read without a panic, and that what
// was read can be written and read again.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"x\"\"y\",\n", "\"", "\r\n,\r\n", "a\n\"b\nc\"\n"} {
		f.Add([]byte(s), byte(','))
	}
	f.Fuzz(func(t *testing.T, data []byte, delim byte) {
		format := Format{Delimiter: delim, LineEnd: "\n"}
		if !bytes.ContainsRune([]byte(",\t|;^`"), rune(delim)) {
			return
		}
		read := func(data []byte) (all [][]string, err error) {
			r := newReader(data, format)
			for {
				values, ok, err := r.next()
				if err != nil || !ok {
					return all, err
				}
				all = append(all, values)
			}
		}
		first, err := read(data)
		if err != nil {
			return
		}
		var out []byte
		for _, values := range first {
			out = format.line(out, values)
		}
		second, err := read(out)
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("records differ (-first +second):\n%s", diff)
		}
	})
}
