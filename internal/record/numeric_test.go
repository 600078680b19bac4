package record_test

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/record"
)

var exact = record.Type{Kind: record.Numeric, Scale: -1}

func TestNumericKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"0", "0"}, {"-0.0", "0"}, {"1", "1"}, {"1.0", "1"}, {"1.50", "1.5"}, {"+7", "7"}, {".5", "0.5"}, {"5.", "5"},
		{"123456789012345678", "123456789012345678"}, {"-9999999999999999.99", "-9999999999999999.99"},
		{"1.23456789012345678E17", "123456789012345678"}, {"1.0E-5", "0.00001"}, {"12e3", "12000"},
		{"0.000000000000000001", "0.000000000000000001"}, {"10000", "10000"}, {"100000000.0001", "100000000.0001"},
		{"1e308", "1" + strings.Repeat("0", 308)},
	}
	for _, tt := range tests {
		v, err := exact.ParseText(tt.in)
		if got := string(exact.AppendText(nil, v)); err != nil || got != tt.want {
			t.Errorf("%s: %s (%v), want %s", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{"x", "1x", "1e", "1e5.5", "--1", ".", "-", "1.2.3", "NaN", "Infinity", "1e999", "1e-999", "1_000", "0x10", " 1", "1e99999999999"} {
		if v, err := exact.ParseText(in); err == nil {
			t.Errorf("%s reads as %s", in, exact.AppendText(nil, v))
		}
	}
}

func TestNumericNormalForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in    string
		scale int
		want  string
	}{
		{"1.005", 2, "1.01"}, {"-1.005", 2, "-1.01"}, {"1.004", 2, "1"}, {"99.5", 0, "100"}, {"0.4", 0, "0"}, {"-0.4", 0, "0"}, {"0.5", 0, "1"},
		{"0.05", 0, "0"}, {"0.0049", 2, "0"}, {"123456789012345678", 2, "123456789012345678"}, {"9999999999999999.999", 2, "10000000000000000"}, {"1.23456789", -1, "1.23456789"},
	}
	for _, tt := range tests {
		typ := record.Type{Kind: record.Numeric, Scale: tt.scale}
		v, err := typ.ParseText(tt.in)
		if got := string(typ.AppendText(nil, typ.Normal(v))); err != nil || got != tt.want {
			t.Errorf("%s by %d: %s (%v), want %s", tt.in, tt.scale, got, err, tt.want)
		}
	}
	// The application's 1.50 in a column without a scale.
	padded := record.Value{0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88}
	if got := string(exact.AppendText(nil, padded)); got != "1.50" {
		t.Errorf("padded: %s", got)
	}
	plain, _ := exact.ParseText("1.5")
	if !exact.Same(padded, plain) || padded.Equal(plain) {
		t.Error("1.50 and 1.5 are not the same")
	}
	nan := record.Value{0, 0, 0, 0, 0xc0, 0, 0, 0}
	if got := string(exact.AppendText(nil, exact.Normal(nan))); got != "NaN" {
		t.Errorf("not a number: %s", got)
	}
}

func TestNumericAgreesWithDouble(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.IntRange(0, 6).Draw(t, "scale")
		text := strconv.FormatFloat(rapid.Float64Range(-1e6, 1e6).Draw(t, "n"), 'f', -1, 64)
		double := record.Type{Kind: record.Double, Scale: scale}
		numeric := record.Type{Kind: record.Numeric, Scale: scale}
		d, err := double.ParseText(text)
		n, err2 := numeric.ParseText(text)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		want := strconv.FormatFloat(double.Normal(d).Double(), 'f', -1, 64)
		if got := string(numeric.AppendText(nil, numeric.Normal(n))); got != want {
			t.Fatalf("%s by %d: %s, want %s", text, scale, got, want)
		}
		if again := numeric.Normal(numeric.Normal(n)); !again.Equal(numeric.Normal(n)) {
			t.Fatalf("%s: the normal form has another", text)
		}
	})
}

func TestZonedTimestamps(t *testing.T) {
	t.Parallel()
	zoned := record.Type{Kind: record.Timestamp, Zoned: true}
	for in, want := range map[string]string{
		"2026-11-22 15:35:00.5+01":      "2026-11-22 14:35:00.5+00",
		"2026-11-22T14:35:00.000+0000":  "2026-11-22 14:35:00+00",
		"1890-01-01 00:19:32+00:19:32":  "1890-01-01 00:00:00+00",
		"2026-11-22 14:35:00":           "2026-11-22 14:35:00+00",
		"2026-11-22 08:35:00-05:30":     "2026-11-22 14:05:00+00",
		"1890-01-01 00:00:00.123-00:30": "1890-01-01 00:30:00.123+00",
	} {
		v, err := zoned.ParseText(in)
		if got := string(zoned.AppendText(nil, v)); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", in, got, err, want)
		}
	}
	v, _ := zoned.ParseText("2026-11-22 15:35:00+01")
	if got := string(zoned.AppendWire(nil, v)); got != "2026-11-22T14:35:00.000Z" {
		t.Errorf("on the wire: %s", got)
	}
	if zoned.SQL() != "timestamp with time zone" || zoned.OID() != 1184 {
		t.Error(zoned.SQL(), zoned.OID())
	}
}
