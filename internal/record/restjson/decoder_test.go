package restjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

// layout has a column of every kind, and two behind one parent.
func layout() *record.Layout {
	return record.NewLayout([]record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}},
		{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text, Length: 255}},
		{Field: "Done__c", Name: "done__c", Type: record.Type{Kind: record.Bool}},
		{Field: "Count__c", Name: "count__c", Type: record.Type{Kind: record.Int}},
		{Field: "Amount", Name: "amount", Type: record.Type{Kind: record.Double, Scale: 2}},
		{Field: "CloseDate", Name: "closedate", Type: record.Type{Kind: record.Date}},
		{Field: "SystemModstamp", Name: "systemmodstamp", Type: record.Type{Kind: record.Timestamp}},
		{Field: "At__c", Name: "at__c", Type: record.Type{Kind: record.Time}},
		{Field: "Tags__c", Name: "tags__c", Type: record.Type{Kind: record.MultiText}},
		{Field: "Account.PG_ID__c", Name: "account__pg_id__c", Type: record.Type{Kind: record.Text}},
		{Field: "Account.Number__c", Name: "account__number__c", Type: record.Type{Kind: record.Double, Scale: 0}},
	})
}

func full(change map[string]string) string {
	fields := [][2]string{
		{"attributes", `{"type":"Thing__c","url":"/services/data/v68.0/sobjects/Thing__c/a01000000000001AAA"}`},
		{"Id", `"a01000000000001AAA"`},
		{"Name", `"Caf\u00e9 \"x\"\r\n\ud83d\ude42"`},
		{"Done__c", `true`},
		{"Count__c", `12.0`},
		{"Amount", `3.5E8`},
		{"CloseDate", `"2026-11-22"`},
		{"SystemModstamp", `"2026-11-22T14:35:00.000+0000"`},
		{"At__c", `"14:35:00.000Z"`},
		{"Tags__c", `"b;a"`},
		{"Account", `{"attributes":{"type":"Account","url":"/x"},"PG_ID__c":"7","Number__c":1.0}`},
	}
	var members []string
	for _, f := range fields {
		v, ok := change[f[0]]
		switch {
		case !ok:
			members = append(members, fmt.Sprintf("%q:%s", f[0], f[1]))
		case v != "":
			members = append(members, fmt.Sprintf("%q:%s", f[0], v))
		}
	}
	return "{" + strings.Join(members, ",") + change["+"] + "}"
}

func page(records ...string) string {
	return fmt.Sprintf(`{"totalSize":%d,"done":true,"records":[%s]}`, len(records), strings.Join(records, ","))
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

func TestDecodePage(t *testing.T) {
	t.Parallel()
	wantFull := []string{"a01000000000001AAA", "Café \"x\"\r\n🙂", "t", "12", "350000000", "2026-11-22", "2026-11-22 14:35:00", "14:35:00", "b;a", "7", "1"}
	nulls := []string{"a01000000000001AAA", "NULL", "f", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"}
	for _, tt := range []struct {
		name, in string
		want     [][]string
	}{
		{"none", page(), nil},
		{"every kind", page(full(nil)), [][]string{wantFull}},
		{"nulls, short Id, empty text", page(full(map[string]string{
			"Id": `"a01000000000001"`, "Name": `""`, "Done__c": "false", "Count__c": "null", "Amount": "null", "CloseDate": "null",
			"SystemModstamp": "null", "At__c": "null", "Tags__c": "null", "Account": "null",
		})), [][]string{nulls}},
		{"other case and order, fields that nobody asked for", page(
			`{"ID":"a01000000000001AAA","aCCOUNT":{"NUMBER__C":1,"pg_id__c":"7","X":[{"a":"}]\\\""}]},"Extra":{"a":[1,"]"]},"tags__c":"b;a",
			 "at__c":"14:35:00Z" , "systemmodstamp" : "2026-11-22T14:35:00Z" ,"closedate":"2026-11-22","amount":350000000,"count__c":12,
			 "done__c":true,"name":"Caf\u00e9 \"x\"\r\n\ud83d\ude42","attributes":{}}`), [][]string{wantFull}},
		{"NUL and half a surrogate pair", page(full(map[string]string{"Name": `"a\u0000b\ud800c"`})), [][]string{
			append([]string{"a01000000000001AAA", "ab\ufffdc"}, wantFull[2:]...)}},
		{"whitespace is kept", page(full(map[string]string{"Name": `" a "`})), [][]string{
			append([]string{"a01000000000001AAA", " a "}, wantFull[2:]...)}},
		{"number in a text column", page(full(map[string]string{"Name": `1.50`})), [][]string{
			append([]string{"a01000000000001AAA", "1.50"}, wantFull[2:]...)}},
		{"two records", page(full(nil), full(map[string]string{"Name": "null"})), [][]string{
			wantFull, append([]string{"a01000000000001AAA", "NULL"}, wantFull[2:]...)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := record.NewBatch(layout())
			got, err := restjson.NewDecoder(b.Layout).DecodePage(iotest.OneByteReader(strings.NewReader(tt.in)), b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(restjson.Page{Total: len(tt.want), Done: true, Rows: len(tt.want)}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, rows(b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodePageNext(t *testing.T) {
	t.Parallel()
	b := record.NewBatch(layout())
	d := restjson.NewDecoder(b.Layout)
	in := `{"records":[` + full(nil) + `],"nextRecordsUrl":"/services/data/v68.0/query/0r8-2000","columnMetadata":[{}],"done":false,"totalSize":4000}`
	for i := range 2 {
		got, err := d.DecodePage(strings.NewReader(in), b)
		if err != nil {
			t.Fatal(err)
		}
		want := restjson.Page{Total: 4000, Next: "/services/data/v68.0/query/0r8-2000", Rows: 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if b.Len() != i+1 {
			t.Errorf("page %d: the batch has %d records", i, b.Len())
		}
	}
}

func TestDecodePageRefuses(t *testing.T) {
	t.Parallel()
	good := page(full(nil))
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", ``, "unexpected EOF"},
		{"HTML", `<html>`, "invalid character"},
		{"an error", `[{"errorCode":"MALFORMED_QUERY","message":"x"}]`, "an object is wanted"},
		{"no records", `{"totalSize":0,"done":true}`, "no query result"},
		{"no done", `{"totalSize":0,"records":[]}`, "no query result"},
		{"no total", `{"done":true,"records":[]}`, "no query result"},
		{"no link", `{"totalSize":9,"done":false,"records":[]}`, "no link to the next page"},
		{"null record", `{"totalSize":1,"done":true,"records":[null]}`, "a null stands among the records"},
		{"no record", `{"totalSize":1,"done":true,"records":["x"]}`, "entry 0 is no record"},
		{"cut in records", good[:len(good)/2], "unexpected EOF"},
		{"cut at the end", good[:len(good)-1], "unexpected EOF"},
		{"trailing", good + "{}", "something follows"},
		{"missing field", page(full(map[string]string{"CloseDate": ""})), "record a01000000000001AAA: the reply lacks the selected field CloseDate"},
		{"missing behind parent", page(full(map[string]string{"Account": `{"PG_ID__c":"7"}`})), "lacks the selected field Account.Number__c"},
		{"parent is no record", page(full(map[string]string{"Account": `"001"`})), `field Account: value "001": wanted a parent record or null`},
		{"bad date", page(full(map[string]string{"CloseDate": `"22.11.2026"`})), `record a01000000000001AAA: field CloseDate: value "22.11.2026": "22.11.2026" is not a date`},
		{"bad int", page(full(map[string]string{"Count__c": `1.5`})), "is not an integer"},
		{"string for number", page(full(map[string]string{"Amount": `"12"`})), "is not a finite number"},
		{"string for boolean", page(full(map[string]string{"Done__c": `"true"`})), "is not a boolean"},
		{"number for date", page(full(map[string]string{"CloseDate": `20261122`})), "wanted a string"},
		{"object for text", page(full(map[string]string{"Name": `{"city":"x"}`})), "wanted a single value"},
		{"too great", page(full(map[string]string{"Amount": `1e999`})), "is not a finite number"},
		{"long bad value", page(full(map[string]string{"Count__c": `"` + strings.Repeat("x", 500) + `"`})), "xxx…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := record.NewBatch(layout())
			d := restjson.NewDecoder(b.Layout)
			if _, err := d.DecodePage(strings.NewReader(good), b); err != nil {
				t.Fatal(err)
			}
			size := b.Size()
			// A good record comes first, to see that it goes with the bad one.
			in := strings.Replace(tt.in, `"records":[{`, `"records":[`+full(nil)+`,{`, 1)
			_, err := d.DecodePage(strings.NewReader(in), b)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if b.Len() != 1 || b.Size() != size {
				t.Errorf("the batch holds %d records, want the one of before", b.Len())
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if _, err := d.DecodePage(strings.NewReader(good), b); err != nil || b.Len() != 2 {
				t.Errorf("the decoder is spoilt: %v", err)
			}
		})
	}
}

func TestErrorTypes(t *testing.T) {
	t.Parallel()
	b := record.NewBatch(layout())
	d := restjson.NewDecoder(b.Layout)
	_, err := d.DecodePage(strings.NewReader(page(full(map[string]string{"Count__c": `"x"`}))), b)
	var value *restjson.ValueError
	var form *record.FormError
	if !errors.As(err, &value) || value.ID != "a01000000000001AAA" || value.Field != "Count__c" || !errors.As(err, &form) {
		t.Errorf("got %#v", err)
	}
	_, err = d.DecodePage(strings.NewReader(page(full(map[string]string{"Name": ""}))), b)
	var missing *restjson.MissingError
	if !errors.As(err, &missing) || missing.Field != "Name" {
		t.Errorf("got %#v", err)
	}
	reset := errors.New("connection reset")
	_, err = d.DecodePage(io.MultiReader(strings.NewReader(`{"totalSize":1,"records":[`), iotest.ErrReader(reset)), b)
	if !errors.Is(err, reset) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestDecodeList(t *testing.T) {
	t.Parallel()
	b := record.NewBatch(layout())
	d := restjson.NewDecoder(b.Layout)
	missing, err := d.DecodeList(strings.NewReader(`[null,`+full(nil)+`,null]`), b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 2}, missing); diff != "" || b.Len() != 1 {
		t.Errorf("%d records, %s", b.Len(), diff)
	}
	for _, bad := range []string{`{}`, `[`, `[` + full(nil), `[1]`, `[]x`} {
		if _, err := d.DecodeList(strings.NewReader(bad), b); err == nil || b.Len() != 1 {
			t.Errorf("%s: %v, %d records", bad, err, b.Len())
		}
	}
}

func TestAppendRecord(t *testing.T) {
	t.Parallel()
	l := layout()
	b := record.NewBatch(l)
	if _, err := restjson.NewDecoder(l).DecodePage(strings.NewReader(page(full(nil))), b); err != nil {
		t.Fatal(err)
	}
	row := b.Row(0, nil)
	for _, tt := range []struct {
		name string
		id   string
		cols []record.Column
		vals []record.Value
		want string
	}{
		{"nothing", "", nil, nil, `{"attributes":{"type":"Thing__c"}}`},
		{"delete of nothing but with an Id", "a01", nil, nil, `{"attributes":{"type":"Thing__c"},"Id":"a01"}`},
		{"every kind", "a01000000000001AAA", l.Columns[1:], row[1:],
			`{"attributes":{"type":"Thing__c"},"Id":"a01000000000001AAA","Name":"Café \"x\"\r\n🙂","Done__c":true,"Count__c":12,"Amount":350000000,` +
				`"CloseDate":"2026-11-22","SystemModstamp":"2026-11-22T14:35:00.000Z","At__c":"14:35:00.000Z","Tags__c":"b;a","Account":{"PG_ID__c":"7","Number__c":1}}`},
		{"nulls", "", l.Columns[8:], []record.Value{nil, nil, nil}, `{"attributes":{"type":"Thing__c"},"Tags__c":null,"Account":null}`},
		{"one of two keys of a parent", "", l.Columns[9:], []record.Value{nil, row[10]}, `{"attributes":{"type":"Thing__c"},"Account":{"Number__c":1}}`},
	} {
		got := restjson.AppendRecord([]byte("x"), "Thing__c", tt.id, tt.cols, tt.vals)
		if diff := cmp.Diff("x"+tt.want, string(got)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if !json.Valid(got[1:]) {
			t.Errorf("%s: not valid JSON", tt.name)
		}
	}
}

func FuzzDecodePage(f *testing.F) {
	f.Add(page(full(nil)))
	f.Add(page(full(map[string]string{"Account": "null", "Name": `"\\\"\u0000"`}), full(nil)))
	f.Add(`{"records":[{"Id":"\ud800"}],"done":false,"totalSize":1e3}`)
	f.Fuzz(func(t *testing.T, in string) {
		b := record.NewBatch(layout())
		p, err := restjson.NewDecoder(b.Layout).DecodePage(strings.NewReader(in), b)
		if (err != nil && b.Len() != 0) || p.Rows != b.Len() {
			t.Fatalf("%d records, page %+v, %v", b.Len(), p, err)
		}
		if err == nil && !json.Valid([]byte(in)) {
			t.Fatal("read what is no JSON")
		}
		for _, row := range rows(b) {
			if len(row) != len(b.Layout.Columns) {
				t.Fatalf("row %v", row)
			}
		}
	})
}
