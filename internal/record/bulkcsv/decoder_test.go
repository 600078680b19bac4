package bulkcsv_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/record/recordtest"
)

var all = bulkcsv.Limit{Rows: 1 << 30, Bytes: 1 << 30}

func layout(fields ...string) *record.Layout {
	columns := []record.Column{{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}}}
	for _, f := range fields {
		t := record.Type{Kind: record.Text}
		if f == "Amount" {
			t = record.Type{Kind: record.Double}
		}
		columns = append(columns, record.Column{Field: f, Name: strings.ToLower(f), Type: t})
	}
	return record.NewLayout(columns)
}

func rows(b *record.Batch) [][]string {
	var out [][]string
	for i := range b.Len() {
		var row []string
		for c, v := range b.Row(i, nil) {
			if v == nil {
				row = append(row, "NULL")
				continue
			}
			row = append(row, string(b.Layout.Columns[c].Type.AppendText(nil, v)))
		}
		out = append(out, row)
	}
	return out
}

func decode(l *record.Layout, in io.Reader) ([][]string, error) {
	b := record.NewBatch(l)
	_, err := bulkcsv.NewDecoder(l, in).Next(b, all)
	return rows(b), err
}

// TestWireForm holds the cells of the shared table to what the column's codec
// makes of them.
func TestWireForm(t *testing.T) {
	t.Parallel()
	cases := recordtest.Cases()
	columns := []record.Column{{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}}}
	head, cells := []string{`"Id"`}, []string{`"001000000000001AAA"`}
	for i, c := range cases {
		columns = append(columns, record.Column{Field: fmt.Sprintf("F%d__c", i), Name: fmt.Sprintf("f%d__c", i), Type: c.Type})
		head = append(head, fmt.Sprintf(`"F%d__c"`, i))
		cells = append(cells, `"`+strings.ReplaceAll(c.Cell, `"`, `""`)+`"`)
	}
	page := strings.Join(head, ",") + "\n" + strings.Join(cells, ",") + "\n"
	got, err := decode(record.NewLayout(columns), strings.NewReader(page))
	if !errors.Is(err, io.EOF) || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, c := range cases {
		want := c.Text
		if c.Null {
			want = "NULL"
		}
		if got[0][i+1] != want {
			t.Errorf("%s: %q, want %q", c.Name, got[0][i+1], want)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, page, want string }{
		{"quoted", "\"Id\",\"Name\"\n\"001\",\"a\"\n\"002\",\"b\"\n", "001|a;002|b"},
		{"plain", "Id,Name\n001,a b\n", "001|a b"},
		{"no last line end", "Id,Name\n001,a", "001|a"},
		{"CRLF, kept in quotes", "Id,Name\r\n001,\"a\r\nb\"\r\n002,c\r\n", "001|a\r\nb;002|c"},
		{"byte order mark", "\xef\xbb\xbf\"Id\",Name\n001,a\n", "001|a"},
		{"doubled quotes", "Id,Name\n\"001\",\"\"\"a\"\", \"\"b\"\"\"\n", `001|"a", "b"`},
		{"only quotes", "Id,Name\n001,\"\"\"\"\n", `001|"`},
		{"null", "Id,Name\n001,\n002,\"\"\n", "001|NULL;002|NULL"},
		{"comma", "Id,Name\n001,\"a,b\"\n", "001|a,b"},
		{"empty lines", "Id,Name\n\n001,a\n\r\n002,b\n\n", "001|a;002|b"},
		{"no records", "\"Id\",\"Name\"\n", ""},
		{"names in another case", "ID,name\n001,a\n", "001|a"},
		{"characters of several bytes", "Id,Name\n001,\"é €🙂\"\n", "001|é €🙂"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// One byte at a time cuts everywhere: in quotes, line ends, characters.
			for _, in := range []io.Reader{strings.NewReader(test.page), iotest.OneByteReader(strings.NewReader(test.page))} {
				got, err := decode(layout("Name"), in)
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				lines := make([]string, len(got))
				for i, row := range got {
					lines[i] = strings.Join(row, "|")
				}
				if diff := cmp.Diff(test.want, strings.Join(lines, ";")); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// A page that fails anywhere leaves the batch as it was, with its error saying
// what is wrong.
func TestBadPages(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, page, want string }{
		{"nothing at all", "", "no header"},
		{"other fields", "Id,Name\n001,a\n", `header is "Id,Name", the query selected "Id,Amount"`},
		{"header cut", "Id,\"Amo", "unexpected EOF"},
		{"cut in quotes", "Id,Amount\n001,\"1", "unexpected EOF"},
		{"too few values", "Id,Amount\n001,1\n002\n", "record 2 of the page: 1 values, the header has 2"},
		{"too many values", "Id,Amount\n001,1,2\n", "3 values"},
		{"quote in a plain value", "Id,Amount\n001,1\"2\n", "a quote stands inside"},
		{"text behind quotes", "Id,Amount\n001,\"1\"2\n", "follows the end of a quoted value"},
		{"no number", "Id,Amount\n001,1\n002,x\n", `record 002: field Amount: "x" is not a finite number`},
		{"no UTF-8", "Id,Amount\n\"\xff\",1\n", "not UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := layout("Amount")
			b := record.NewBatch(l)
			b.Append([]record.Value{record.TextValue("kept"), nil})
			n, err := bulkcsv.NewDecoder(l, strings.NewReader(test.page)).Next(b, all)
			if n != 0 || err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d, %v; want %q", n, err, test.want)
			}
			if diff := cmp.Diff([][]string{{"kept", "NULL"}}, rows(b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenLine(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("Id,Name\n001,a\n"), iotest.ErrReader(broken))
	if got, err := decode(layout("Name"), in); !errors.Is(err, broken) || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLimitsAndSkip(t *testing.T) {
	t.Parallel()
	l := layout("Name")
	d := bulkcsv.NewDecoder(l, strings.NewReader("Id,Name\n1,a\n2,b\n3,c\n4,d\n5,e\n"))
	b := record.NewBatch(l)
	if err := d.Skip(1); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Next(b, bulkcsv.Limit{Rows: 2, Bytes: 1 << 20}); n != 2 || err != nil || d.Rows() != 3 {
		t.Errorf("by rows: %d, %v, %d", n, err, d.Rows())
	}
	b.Reset()
	if n, err := d.Next(b, bulkcsv.Limit{Rows: 100, Bytes: 1}); n != 1 || err != nil {
		t.Errorf("by bytes: %d, %v", n, err)
	}
	if n, err := d.Next(b, all); n != 1 || !errors.Is(err, io.EOF) || d.Rows() != 5 {
		t.Errorf("to the end: %d, %v, %d", n, err, d.Rows())
	}
	d.Reset(strings.NewReader("Id,Name\n1,a\n"))
	if err := d.Skip(2); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("skip behind the end: %v", err)
	}
}

func TestRecordLongerThanTheWindow(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`x"",`+"\r\n", 100_000)
	got, err := decode(layout("Name"), strings.NewReader("Id,Name\n1,a\n2,\""+long+"\"\n3,c\n"))
	if !errors.Is(err, io.EOF) || len(got) != 3 || got[1][1] != strings.ReplaceAll(long, `""`, `"`) || got[2][1] != "c" {
		t.Errorf("%d records, %v", len(got), err)
	}
}
