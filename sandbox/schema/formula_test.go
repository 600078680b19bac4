package schema_test

import (
	"strings"
	"testing"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// record is a formula's environment: values by path.
type record map[string]schema.Value

func (r record) Field(path []string) schema.Value { return r[strings.Join(path, ".")] }
func (record) Today() int64                       { return 20000 }
func (record) Now() int64                         { return 20000*86400 + 60 }

func TestFormula(t *testing.T) {
	t.Parallel()
	r := record{
		"City": schema.Text("Oslo"), "Account.Name": schema.Text("Acme"), "Amount": schema.Number(12.5),
		"Day": schema.Date(19990), "Open": schema.Bool(true), "At": schema.Instant(20000 * 86400),
	}
	for formula, want := range map[string]schema.Value{
		"City & '/' & Account.Name":       schema.Text("Oslo/Acme"),
		"Nope & '/' & Nope":               schema.Text("/"),
		"Account.Name":                    schema.Text("Acme"),
		"1 + 2 * 3":                       schema.Number(7),
		"(1 + 2) * 3 - -1":                schema.Number(10),
		"2 ^ 3 ^ 1 / 4":                   schema.Number(2),
		"Amount * 2":                      schema.Number(25),
		"Amount / 0":                      schema.Null,
		"Nope + 1":                        schema.Null,
		"City + '!'":                      schema.Text("Oslo!"),
		"IF(ISBLANK(Nope), 'none', Nope)": schema.Text("none"),
		"IF(Amount > 10 && Open, \"big\", \"small\")": schema.Text("big"),
		"IF(OR(Amount < 10, NOT(Open)), 1, 2)":        schema.Number(2),
		"TODAY() - Day":                               schema.Number(10),
		"Day + 1":                                     schema.Date(19991),
		"NOW() - At":                                  schema.Number(60.0 / 86400),
		"At + 0.5":                                    schema.Instant(20000*86400 + 43200),
		"BLANKVALUE(Nope, 'x')":                       schema.Text("x"),
		"LEFT(UPPER(City), 2)":                        schema.Text("OS"),
		"LEN(City) = 4":                               schema.Bool(true),
		"ROUND(Amount / 3, 2)":                        schema.Number(4.17),
		"YEAR(Day)":                                   schema.Number(2024),
		"City <> 'Oslo' || City == 'Oslo'":            schema.Bool(true),
		"ISPICKVAL(City, 'Oslo')":                     schema.Bool(true),
		"!Open":                                       schema.Bool(false),
		"TEXT(Amount) & ABS(-1)":                      schema.Text("12.51"),
		"AND(true, null)":                             schema.Bool(false),
	} {
		p, err := schema.CompileFormula(formula)
		if err != nil {
			t.Errorf("%s: %v", formula, err)
			continue
		}
		if got := p.Eval(r); got != want {
			t.Errorf("%s = %v, want %v", formula, got, want)
		}
	}
}

func TestFormulaErrors(t *testing.T) {
	t.Parallel()
	for formula, want := range map[string]string{
		"":                       "unexpected end",
		"1 +":                    "unexpected end",
		"1 2":                    "unexpected \"2\"",
		"'open":                  "unclosed text",
		"FOO(1)":                 "unknown function FOO",
		"IF(1, 2)":               "IF takes 3 to 3 arguments, not 2",
		"TODAY(":                 "unexpected end",
		"A..B":                   "bad field path",
		"1.2.3":                  "bad number",
		"(1":                     "missing \")\"",
		"#":                      "unexpected \"#\"",
		strings.Repeat("(", 100): "nested too deeply",
	} {
		if _, err := schema.CompileFormula(formula); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", formula, err, want)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{"City & '/' & Account.Name", "IF(ISBLANK(A), -1 ^ 2, LEFT(B, 3))", "ROUND(1/3, 400)", "TODAY() + 1e9", "((1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := schema.CompileFormula(text); err == nil {
			p.Eval(record{"A": schema.Text("x"), "B": schema.Number(-1)})
		}
	})
}
