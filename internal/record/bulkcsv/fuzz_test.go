package bulkcsv_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
)

// FuzzDecode takes any input, whole and byte by byte: both come out the same.
// What encoding/csv reads without trouble, the decoder reads alike.
func FuzzDecode(f *testing.F) {
	f.Add("1,a\n")
	f.Add("\"1\",\"a\"\"b\r\nc\"\r\n")
	f.Add("1,\n\"\",\"é\"\n\n2,\"x")
	f.Fuzz(func(t *testing.T, in string) {
		page := "Id,Name\n" + in
		whole, err := decode(layout("Name"), strings.NewReader(page))
		bytewise, err2 := decode(layout("Name"), iotest.OneByteReader(strings.NewReader(page)))
		if diff := cmp.Diff(whole, bytewise); diff != "" || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%v, %v\n%s", err, err2, diff)
		}
		// encoding/csv turns CRLF into LF inside quotes and drops what it takes
		// for a blank; and we have NULL where it has "".
		if strings.ContainsAny(in, "\r\x00") || !utf8.ValidString(in) {
			return
		}
		r := csv.NewReader(strings.NewReader(page))
		r.FieldsPerRecord = 2
		want, csvErr := r.ReadAll()
		if csvErr != nil {
			return
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("encoding/csv reads %q, we don't: %v", in, err)
		}
		for _, row := range want {
			for i, v := range row {
				if v == "" {
					row[i] = "NULL"
				}
			}
		}
		for _, row := range whole { // a 15-character Id has 18 with us
			if len(row[0]) == 18 {
				row[0] = row[0][:15]
			}
		}
		for _, row := range want {
			if len(row[0]) == 18 {
				row[0] = row[0][:15]
			}
		}
		if diff := cmp.Diff(want[1:], whole); diff != "" && len(want)+len(whole) > 1 {
			t.Fatal(diff)
		}
	})
}

// BenchmarkDecode reads a page of 26 columns, and beside it what encoding/csv
// takes for the cutting alone.
func BenchmarkDecode(b *testing.B) {
	const count = 2000
	columns := []record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}},
		{Field: "IsDeleted", Name: "isdeleted", Type: record.Type{Kind: record.Bool}},
		{Field: "SystemModstamp", Name: "systemmodstamp", Type: record.Type{Kind: record.Timestamp}},
		{Field: "AnnualRevenue", Name: "annualrevenue", Type: record.Type{Kind: record.Double}},
	}
	for i := len(columns); i < 26; i++ {
		columns = append(columns, record.Column{Field: fmt.Sprintf("Text_%d__c", i), Name: fmt.Sprintf("text_%d__c", i), Type: record.Type{Kind: record.Text, Length: 255}})
	}
	l := record.NewLayout(columns)
	var in bytes.Buffer
	in.WriteString(`"` + strings.Join(l.Paths(), `","`) + "\"\n")
	for r := range count {
		fmt.Fprintf(&in, `"001%012dAAA","false","2026-11-22T14:35:00.000Z","%d.5"`, r, r)
		for range l.Columns[4:] {
			fmt.Fprintf(&in, `,"some text that is long enough %d"`, r)
		}
		in.WriteByte('\n')
	}
	batch := record.NewBatch(l)
	d := bulkcsv.NewDecoder(l, nil)
	b.Run("bulkcsv", func(b *testing.B) {
		b.SetBytes(int64(in.Len()))
		b.ReportAllocs()
		for b.Loop() {
			batch.Reset()
			d.Reset(bytes.NewReader(in.Bytes()))
			if n, err := d.Next(batch, all); n != count || !errors.Is(err, io.EOF) {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(in.Len()))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(in.Bytes()))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
