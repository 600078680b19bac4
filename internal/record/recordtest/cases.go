// Package recordtest holds the table of cases that every wire form of a value
// is tested with, so that a value is the same however it came. Only tests
// import it.
package recordtest

import "github.com/synclinehq/syncline/internal/record"

// Case is one value in the forms in which the two sides write it.
type Case struct {
	Name string
	Type record.Type
	// Text is how Postgres prints it with ISO dates: also an hstore's value.
	// Null cases have none.
	Text string
	Null bool
	// JSON is how Salesforce's REST API writes it, Cell how a Bulk CSV does.
	JSON, Cell string
	// Write is how a request body says it.
	Write string
}

// Cases covers every kind, its NULL and its extremes.
func Cases() []Case {
	text := record.Type{Kind: record.Text}
	id := record.Type{Kind: record.ID, Length: 18}
	multi := record.Type{Kind: record.MultiText, Length: 4099}
	boolean := record.Type{Kind: record.Bool}
	integer := record.Type{Kind: record.Int}
	double := record.Type{Kind: record.Double, Scale: -1}
	date := record.Type{Kind: record.Date}
	stamp := record.Type{Kind: record.Timestamp}
	clock := record.Type{Kind: record.Time}
	exact := record.Type{Kind: record.Numeric, Scale: -1}
	zoned := record.Type{Kind: record.Timestamp, Zoned: true}
	same := func(name string, t record.Type, s string) Case {
		return Case{Name: name, Type: t, Text: s, JSON: s, Cell: s, Write: s}
	}
	quoted := func(name string, t record.Type, s string) Case {
		q := `"` + s + `"`
		return Case{Name: name, Type: t, Text: s, JSON: q, Cell: s, Write: q}
	}
	null := func(name string, t record.Type) Case {
		return Case{Name: name, Type: t, Null: true, JSON: "null", Write: "null"}
	}
	number := func(name, text, json string) Case {
		return Case{Name: name, Type: double, Text: text, JSON: json, Cell: json, Write: text}
	}
	datetime := func(name, text, utc string) Case {
		return Case{Name: name, Type: stamp, Text: text, JSON: `"` + utc + `+0000"`, Cell: utc + "Z", Write: `"` + utc + `Z"`}
	}
	return []Case{
		null("null text", text), null("null id", id), null("null multi-select", multi), null("null boolean", boolean),
		null("null int", integer), null("null double", double), null("null date", date), null("null datetime", stamp), null("null time", clock),
		{Name: "empty text", Type: text, Null: true, JSON: `""`, Write: "null"},
		quoted("text", text, "plain text"),
		quoted("spaces kept", text, "  a  "),
		quoted("not a null", text, "NULL"),
		quoted("formula", text, "=1+1"),
		quoted("beyond the basic plane", text, "é €🙂"),
		{Name: "quotes", Type: text, Text: `say "a", 'b' \ c`, JSON: `"say \"a\", 'b' \\ c"`, Cell: `say "a", 'b' \ c`, Write: `"say \"a\", 'b' \\ c"`},
		{Name: "line ends", Type: text, Text: "a\r\nb\nc\td", JSON: `"a\r\nb\nc\td"`, Cell: "a\r\nb\nc\td", Write: `"a\r\nb\nc\td"`},
		{Name: "escaped", Type: text, Text: "<&>/é🙂", JSON: `"\u003c&>\/\u00e9\ud83d\ude42"`, Cell: "<&>/é🙂", Write: `"<&>/é🙂"`},
		quoted("id", id, "001D000000IqhSLIAZ"),
		{Name: "short id", Type: id, Text: "001D000000IqhSLIAZ", JSON: `"001D000000IqhSL"`, Cell: "001D000000IqhSL", Write: `"001D000000IqhSLIAZ"`},
		quoted("multi-select", multi, "b;a;c"),
		{Name: "true", Type: boolean, Text: "t", JSON: "true", Cell: "true", Write: "true"},
		{Name: "false", Type: boolean, Text: "f", JSON: "false", Cell: "false", Write: "false"},
		same("int", integer, "42"), same("negative int", integer, "-2147483648"), same("greatest int", integer, "2147483647"),
		{Name: "int as double", Type: integer, Text: "7", JSON: "7.0", Cell: "7.0", Write: "7"},
		number("zero", "0", "0.0"), number("minus zero", "0", "-0.0"), number("one", "1", "1.0"), number("cents", "1234.56", "1234.56"),
		number("exponent", "350000000", "3.5E8"), number("small", "1e-05", "1.0E-5"), number("18 digits", "1.2345678901234568e+17", "123456789012345678"),
		number("15 digits", "999999999999999", "9.99999999999999E14"), number("shortest", "0.1", "0.1"), number("latitude", "-33.865143", "-33.865143"),
		null("null exact number", exact), same("exact 18 digits", exact, "1234567890123456.78"), same("exact negative", exact, "-0.000001"),
		{Name: "exact exponent", Type: exact, Text: "123456789012345678", JSON: "1.23456789012345678E17", Cell: "1.23456789012345678E17", Write: "123456789012345678"},
		{Name: "exact whole", Type: exact, Text: "7", JSON: "7.0", Cell: "7.0", Write: "7"},
		{
			Name: "zoned datetime", Type: zoned, Text: "2026-11-22 14:35:00+00", JSON: `"2026-11-22T14:35:00.000+0000"`,
			Cell: "2026-11-22T14:35:00.000Z", Write: `"2026-11-22T14:35:00.000Z"`,
		},
		quoted("date", date, "2026-11-22"), quoted("leap day", date, "2024-02-29"), quoted("first date", date, "1700-01-01"), quoted("last date", date, "4000-12-31"),
		datetime("datetime", "2026-11-22 14:35:00", "2026-11-22T14:35:00.000"),
		datetime("milliseconds", "2026-11-22 14:35:00.12", "2026-11-22T14:35:00.120"),
		datetime("before 2000", "1999-12-31 23:59:59", "1999-12-31T23:59:59.000"),
		datetime("first datetime", "1700-01-01 00:00:00", "1700-01-01T00:00:00.000"),
		datetime("last datetime", "4000-12-31 23:59:59", "4000-12-31T23:59:59.000"),
		{Name: "time", Type: clock, Text: "14:35:00", JSON: `"14:35:00.000Z"`, Cell: "14:35:00.000Z", Write: `"14:35:00.000Z"`},
		{Name: "last time", Type: clock, Text: "23:59:59.999", JSON: `"23:59:59.999Z"`, Cell: "23:59:59.999Z", Write: `"23:59:59.999Z"`},
	}
}
