package judge

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestNormalForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sqlType, org, postgres string
		equal                  bool
	}{
		{"character varying(255)", `" a\r\nb "`, "a\nb", true},
		{"character varying(255)", `"a"`, "A", false},
		{"character varying(255)", `""`, "", true},
		{"character varying(18)", `"001D000000IqhSLIAZ"`, "001D000000IqhSL", true},
		{"character varying(18)", `"001D000000IqhSLIAZ"`, "001D000000IqhSl", false},
		{"character varying(18)", `"abcdefghijklmnoXYZ"`, "abcdefghijklmnoXYA", false},
		{"character varying(4099)", `"b;a;b"`, "a;b", true},
		{"character varying(100)", `"b;a"`, "a;b", false},
		{"double precision", `3.5E8`, "350000000", true},
		{"double precision", `0.1`, "0.10000000000000002", false},
		{"double precision", `-0.0`, "0", true},
		{"numeric(16,2)", `1.0`, "1.00", true},
		{"numeric(16,2)", `1.02`, "1.00", false},
		{"integer", `7.0`, "7", true},
		{"boolean", `true`, "t", true},
		{"boolean", `false`, "", false},
		{"date", `"1700-01-01"`, "1700-01-01", true},
		{"timestamp without time zone", `"2026-11-22T14:35:00.000+0000"`, "2026-11-22 14:35:00.999", true},
		{"timestamp without time zone", `"2026-11-22T15:35:00.000+0100"`, "2026-11-22 14:35:00", true},
		{"timestamp(6) with time zone", `"2026-11-22T14:35:00Z"`, "2026-11-22 14:35:00+00", true},
		{"timestamp without time zone", `"2026-11-22T14:35:01.000+0000"`, "2026-11-22 14:35:00", false},
		{"time without time zone", `"14:35:00.000Z"`, "14:35:00", true},
		{"text", `null`, "  ", true},
	} {
		c := column{}
		c.kind, c.scale = kindOf(tt.sqlType)
		a, err := c.fromJSON(jsontext.Value(tt.org))
		if err != nil {
			t.Errorf("%s %s: %v", tt.sqlType, tt.org, err)
		}
		b, err := c.fromText(tt.postgres)
		if err != nil {
			t.Errorf("%s %s: %v", tt.sqlType, tt.postgres, err)
		}
		if (a == b) != tt.equal {
			t.Errorf("%s: %s is %q, %s is %q; equal should be %v", tt.sqlType, tt.org, a, tt.postgres, b, tt.equal)
		}
	}
}

func TestCells(t *testing.T) {
	t.Parallel()
	got := cells(`a\tb` + "\t" + `\N` + "\t" + `\\N` + "\t" + `x\ny\r\\z` + "\t")
	for i, want := range []string{"a\tb", null, `\N`, "x\ny\r\\z", ""} {
		if got[i] != want {
			t.Errorf("cell %d: %q, want %q", i, got[i], want)
		}
	}
}
