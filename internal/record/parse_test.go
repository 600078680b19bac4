package record_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/record"
)

var (
	text      = record.Type{Kind: record.Text, Length: 255}
	id        = record.Type{Kind: record.ID, Length: 18}
	multi     = record.Type{Kind: record.MultiText, Order: []string{"West", "East", "North"}}
	boolean   = record.Type{Kind: record.Bool}
	integer   = record.Type{Kind: record.Int}
	double    = record.Type{Kind: record.Double, Scale: 2}
	anyDouble = record.Type{Kind: record.Double, Scale: -1}
	date      = record.Type{Kind: record.Date}
	stamp     = record.Type{Kind: record.Timestamp}
	clock     = record.Type{Kind: record.Time}
)

func TestParseAndPrint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t              record.Type
		in, text, json string
	}{
		{text, "", "", `null`},
		{text, "plain", "plain", `"plain"`},
		{text, "  \"é\"\r\n\\ ", "  \"é\"\r\n\\ ", `"  \"é\"\r\n\\ "`},
		{text, "a\x00b", "ab", `"ab"`},
		{text, "\x00", "", `null`},
		{id, "001000000000001", "001000000000001AAA", `"001000000000001AAA"`},
		{id, "001D000000IqhSL", "001D000000IqhSLIAZ", `"001D000000IqhSLIAZ"`},
		{id, "001D000000IqhSLiaz", "001D000000IqhSLIAZ", `"001D000000IqhSLIAZ"`},
		{id, "not an id", "not an id", `"not an id"`},
		{multi, "East;West", "East;West", `"East;West"`},
		{boolean, "t", "t", `true`},
		{boolean, "false", "f", `false`},
		{integer, "-2147483648", "-2147483648", `-2147483648`},
		{integer, "3.5E8", "350000000", `350000000`},
		{integer, "1.0", "1", `1`},
		{double, "-0.0", "0", `0`},
		{double, "3.5E8", "350000000", `350000000`},
		{double, "0.1", "0.1", `0.1`},
		{double, "1e15", "1e+15", `1e+15`},
		{double, "123456789012345", "123456789012345", `123456789012345`},
		{double, "0.00001", "1e-05", `1e-05`},
		{date, "2026-11-22", "2026-11-22", `"2026-11-22"`},
		{date, "1700-01-01", "1700-01-01", `"1700-01-01"`},
		{date, "2000-02-29", "2000-02-29", `"2000-02-29"`},
		{date, "4000-12-31", "4000-12-31", `"4000-12-31"`},
		{date, "0001-01-01", "0001-01-01", `"0001-01-01"`},
		{stamp, "2026-11-22 14:35:00", "2026-11-22 14:35:00", `"2026-11-22T14:35:00.000Z"`},
		{stamp, "2026-11-22 14:35:00.123456", "2026-11-22 14:35:00.123456", `"2026-11-22T14:35:00.123Z"`},
		{stamp, "2026-11-22T14:35:00.000+0000", "2026-11-22 14:35:00", `"2026-11-22T14:35:00.000Z"`},
		{stamp, "2026-11-22T14:35:00.100Z", "2026-11-22 14:35:00.1", `"2026-11-22T14:35:00.100Z"`},
		{stamp, "2026-11-22 14:35:00+05:30", "2026-11-22 09:05:00", `"2026-11-22T09:05:00.000Z"`},
		{stamp, "2026-01-01 01:00:00+02", "2025-12-31 23:00:00", `"2025-12-31T23:00:00.000Z"`},
		{stamp, "1700-01-01 00:00:00.5", "1700-01-01 00:00:00.5", `"1700-01-01T00:00:00.500Z"`},
		{clock, "14:35:00.000Z", "14:35:00", `"14:35:00.000Z"`},
		{clock, "23:59:59.999", "23:59:59.999", `"23:59:59.999Z"`},
	} {
		v, err := tt.t.ParseText(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if got := string(tt.t.AppendText(nil, v)); got != tt.text {
			t.Errorf("%q: text %q, want %q", tt.in, got, tt.text)
		}
		if got := string(tt.t.AppendJSON(nil, v)); got != tt.json {
			t.Errorf("%q: JSON %s, want %s", tt.in, got, tt.json)
		}
	}
}

func TestParseNULIsNull(t *testing.T) {
	t.Parallel()
	if v, err := text.ParseText("\x00\x00"); v != nil || err != nil {
		t.Errorf("got %v, %v; a text of NULs alone is empty, and empty is NULL", v, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t    record.Type
		want string
		bad  []string
	}{
		{text, "UTF-8", []string{"\xff", "a\xed\xa0\x80"}},
		{boolean, "boolean", []string{"yes", "1", "TRUE", " t"}},
		{integer, "integer of 32 bits", []string{"2147483648", "1.5", "x", "0x10", " 1", "NaN"}},
		{double, "finite number", []string{"NaN", "Infinity", "-inf", "1e999", "0x1p-2", "1_000", "1,5", "1 "}},
		{date, "2006-01-02", []string{"22.11.2026", "2026-13-01", "2026-02-29", "0000-01-01", "2026-1-1", "infinity", "10000-01-01", "2026-11-22 BC", "2026-11-22T00:00:00Z", "11/22/2026"}},
		{stamp, "2006-01-02 15:04:05", []string{"2026-11-22", "2026-11-22 14:35", "2026-11-22 24:00:00", "2026-11-22 14:35:60", "2026-11-22 14:35:00.", "Sun 22 Nov 14:35:00 2026", "2026-11-22 14:35:00+5", "2026-11-22 14:35:00 PST", "0044-03-15 00:00:00 BC", "-infinity"}},
		{clock, "15:04:05", []string{"14:35", "24:00:00", "14:35:00+02", "2:35 PM"}},
	} {
		for _, in := range tt.bad {
			v, err := tt.t.ParseText(in)
			var form *record.FormError
			if !errors.As(err, &form) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q: got %v, %v; want an error that names %q", in, v, err, tt.want)
			}
		}
	}
	_, err := integer.ParseText(strings.Repeat("ä", 200))
	if n := len([]rune(err.Error())); n > 140 {
		t.Errorf("the error shows %d characters of a long value", n)
	}
}

func TestID18(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"001000000000001":    "001000000000001AAA",
		"012000000000000":    "012000000000000AAA",
		"001D000000IqhSL":    "001D000000IqhSLIAZ",
		"001D000000IqhSLIAZ": "001D000000IqhSLIAZ",
		"ABCDEFGHIJKLMNO":    "ABCDEFGHIJKLMNO555",
	} {
		if got, err := record.ID18(in); got != want || err != nil {
			t.Errorf("ID18(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "001", "0010000000000010", "00100000000000!", "001000000000001AA\xff", "äääääää1"} {
		if got, err := record.ID18(bad); err == nil {
			t.Errorf("ID18(%q) = %q, want an error", bad, got)
		}
	}
}

// TestTimestampAgreesWithTime holds the own calendar to the library's.
func TestTimestampAgreesWithTime(t *testing.T) {
	t.Parallel()
	lo, hi := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(lo, hi).Draw(t, "unix"), rapid.Int64Range(0, 999_999).Draw(t, "micros")*1000).UTC()
		want := record.TimestampValue(at)
		for _, layout := range []string{"2006-01-02 15:04:05.000000", "2006-01-02T15:04:05.000000Z0700", "2006-01-02T15:04:05.000000Z07:00"} {
			got, err := stamp.ParseText(at.Format(layout))
			if err != nil || !got.Equal(want) {
				t.Fatalf("%s: got %v, %v", at.Format(layout), got.Time(), err)
			}
		}
		if back := want.Time(); !back.Equal(at) {
			t.Fatalf("%v came back as %v", at, back)
		}
		text := string(stamp.AppendText(nil, want))
		if again, err := stamp.ParseText(text); err != nil || !again.Equal(want) {
			t.Fatalf("%s came back as %v, %v", text, again.Time(), err)
		}
	})
}

func TestDoubleRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		if math.IsNaN(f) || math.IsInf(f, 0) {
			t.Skip()
		}
		v := record.DoubleValue(f)
		got, err := double.ParseText(string(double.AppendText(nil, v)))
		if err != nil || !got.Equal(v) {
			t.Fatalf("%v came back as %v, %v", f, got.Double(), err)
		}
	})
}

func FuzzParseText(f *testing.F) {
	for _, s := range []string{"", "t", "12", "1.5e3", "2026-11-22", "2026-11-22 14:35:00.123+05:30", "14:35:00Z", "001000000000001", "a\x00b"} {
		for k := record.Text; k <= record.Time; k++ {
			f.Add(byte(k), s)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, s string) {
		typ := record.Type{Kind: record.Kind(kind%10 + 1), Scale: -1}
		v, err := typ.ParseText(s)
		if err != nil {
			return
		}
		again, err := typ.ParseText(string(typ.AppendText(nil, v)))
		if err != nil || !again.Equal(v) {
			t.Fatalf("%q: %v came back as %v, %v", s, v, again, err)
		}
		n := typ.Normal(v)
		if !typ.Normal(n).Equal(n) {
			t.Fatalf("%q: the normal form %q has another normal form %q", s, n, typ.Normal(n))
		}
		if dst, err := typ.AppendImage(nil, []byte(s)); err != nil || string(dst) != string(v) {
			t.Fatalf("%q: AppendImage gives %q, %v", s, dst, err)
		}
	})
}
