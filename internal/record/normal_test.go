package record_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/record"
)

func TestNormal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t        record.Type
		in, want string
	}{
		{text, " \t a b \n", "a b"},
		{text, "   ", ""},
		{text, "a\r\nb\rc\n", "a\nb\nc"},
		{id, " 001D000000IqhSL ", "001D000000IqhSLIAZ"},
		{id, "rubbish ", "rubbish"},
		{multi, "North;West;East", "West;East;North"},
		{multi, "East; West;;East;Zulu;Alpha", "West;East;Alpha;Zulu"},
		{multi, ";", ""},
		{double, "1.005", "1.01"},
		{double, "-1.005", "-1.01"},
		{double, "2.674999", "2.67"},
		{double, "-9.995", "-10"},
		{double, "0.004", "0"},
		{double, "-0.004", "0"},
		{double, "1e17", "1e+17"},
		{anyDouble, "1.23456789", "1.23456789"},
		{record.Type{Kind: record.Double, Scale: 0}, "99.5", "100"},
		{stamp, "2026-11-22 14:35:00.999", "2026-11-22 14:35:00"},
		{stamp, "1999-12-31 23:59:59.5", "1999-12-31 23:59:59"},
		{clock, "14:35:00.123456", "14:35:00.123"},
		{date, "2026-11-22", "2026-11-22"},
		{boolean, "t", "t"},
		{integer, "7", "7"},
	} {
		v, err := tt.t.ParseText(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		before := string(v)
		if got := string(tt.t.AppendText(nil, tt.t.Normal(v))); got != tt.want {
			t.Errorf("Normal(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if string(v) != before {
			t.Errorf("Normal(%q) wrote to its argument", tt.in)
		}
	}
	if double.Normal(nil) != nil || text.Normal(nil) != nil {
		t.Error("NULL is normal")
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	value := func(typ record.Type, s string) record.Value {
		v, err := typ.ParseText(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		t            record.Type
		a, b         string
		same, verify bool
	}{
		{text, "a ", "a", true, true},
		{text, "", "  ", true, true},
		{text, "a", "A", false, false},
		{id, "001000000000001", "001000000000001AAA", true, true},
		{double, "1.005", "1.01", true, true},
		{double, "1.01", "1.02", false, false},
		{double, "", "0", false, false},
		{anyDouble, "0.3", "0.30000000000000004", false, true},
		{anyDouble, "0.3", "0.3000000001", false, false},
		{boolean, "", "f", false, false},
	} {
		a, b := value(tt.t, tt.a), value(tt.t, tt.b)
		if got := tt.t.Same(a, b); got != tt.same {
			t.Errorf("Same(%q, %q) = %v", tt.a, tt.b, got)
		}
		if got := tt.t.SameForVerify(b, a); got != tt.verify {
			t.Errorf("SameForVerify(%q, %q) = %v", tt.b, tt.a, got)
		}
	}
}

func TestNormalIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := record.Type{Kind: record.Double, Scale: rapid.IntRange(-1, 18).Draw(t, "scale")}
		v := typ.Normal(record.DoubleValue(rapid.Float64Range(-1e12, 1e12).Draw(t, "f")))
		if !typ.Normal(v).Equal(v) {
			t.Fatalf("%v has the normal form %v", v.Double(), typ.Normal(v).Double())
		}
		s := rapid.StringOf(rapid.RuneFrom([]rune("ab ;\r\n\x00Wé"))).Draw(t, "s")
		for _, typ := range []record.Type{text, multi, id} {
			n := typ.Normal(record.TextValue(s))
			if !typ.Normal(n).Equal(n) {
				t.Fatalf("%q: %q has the normal form %q", s, n, typ.Normal(n))
			}
		}
	})
}

func TestCheckLength(t *testing.T) {
	t.Parallel()
	typ := record.Type{Kind: record.Text, Length: 3}
	for s, ok := range map[string]bool{"": true, "abc": true, "äöü": true, "abcd": false, "🙂🙂🙂🙂": false} {
		err := typ.CheckLength(record.TextValue(s))
		var length *record.LengthError
		if (err == nil) != ok || (err != nil && !errors.As(err, &length)) {
			t.Errorf("CheckLength(%q) = %v", s, err)
		}
	}
	if err := (record.Type{Kind: record.Text}).CheckLength(record.TextValue("any")); err != nil {
		t.Error(err)
	}
}
