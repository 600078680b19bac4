package hstoretext_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/record"
)

// images gives a number as Postgres holds it: as it stands, and without zeros
// at the end; and the text of the first.
func (s *server) images(t *rapid.T, text string) (asIs, trimmed record.Value, printed string) {
	const query = `SELECT n, trim_scale(n), convert_to(n::text, 'UTF8') FROM (SELECT $1::text::numeric) AS x(n)`
	res := s.conn.PgConn().ExecParams(t.Context(), query, [][]byte{[]byte(text)}, nil, nil, []int16{1}).Read()
	if res.Err != nil {
		t.Fatalf("%s: %v", text, res.Err)
	}
	row := res.Rows[0]
	return row[0], row[1], string(row[2])
}

// Exact numbers have the bytes and the text that Postgres has.
func TestNumericIsThatOfPostgres(t *testing.T) {
	t.Parallel()
	s := connect(t)
	digits := rapid.StringMatching(`[0-9]{0,25}`)
	exact := record.Type{Kind: record.Numeric, Scale: -1}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + "0" + digits.Draw(t, "whole")
		if fraction := digits.Draw(t, "fraction"); fraction != "" {
			text += "." + fraction
		}
		if rapid.Bool().Draw(t, "exponent") {
			text += fmt.Sprintf("e%d", rapid.IntRange(-30, 30).Draw(t, "power"))
		}
		asIs, trimmed, printed := s.images(t, text)
		v, err := exact.ParseText(text)
		if err != nil || !v.Equal(trimmed) {
			t.Fatalf("%s: % x (%v), Postgres has % x", text, v, err, trimmed)
		}
		if got := string(exact.AppendText(nil, asIs)); got != printed {
			t.Fatalf("%s: printed as %s, by Postgres as %s", text, got, printed)
		}
		if !exact.Same(asIs, v) || !exact.Normal(asIs).Equal(v) {
			t.Fatalf("%s: % x and % x are not the same", text, asIs, v)
		}
		back, err := exact.ParseText(strings.TrimSpace(printed))
		if err != nil || !back.Equal(v) {
			t.Fatalf("%s: read back from %s as % x (%v)", text, printed, back, err)
		}
	})
}
