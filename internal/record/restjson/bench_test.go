package restjson_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

// BenchmarkDecodePage reads a full page: 2,000 records of 20 fields.
func BenchmarkDecodePage(b *testing.B) {
	columns := []record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}},
		{Field: "IsDeleted", Name: "isdeleted", Type: record.Type{Kind: record.Bool}},
		{Field: "SystemModstamp", Name: "systemmodstamp", Type: record.Type{Kind: record.Timestamp}},
		{Field: "CreatedDate", Name: "createddate", Type: record.Type{Kind: record.Timestamp}},
		{Field: "AnnualRevenue", Name: "annualrevenue", Type: record.Type{Kind: record.Double}},
		{Field: "NumberOfEmployees", Name: "numberofemployees", Type: record.Type{Kind: record.Int}},
	}
	for i := len(columns); i < 20; i++ {
		columns = append(columns, record.Column{Field: fmt.Sprintf("Text_%d__c", i), Name: fmt.Sprintf("text_%d__c", i), Type: record.Type{Kind: record.Text}})
	}
	var in strings.Builder
	in.WriteString(`{"totalSize":2000,"done":true,"records":[`)
	for r := range 2000 {
		if r > 0 {
			in.WriteByte(',')
		}
		fmt.Fprintf(&in, `{"attributes":{"type":"Account","url":"/services/data/v68.0/sobjects/Account/001%012dAAA"},"Id":"001%012dAAA","IsDeleted":false,`+
			`"SystemModstamp":"2026-11-22T14:35:00.000+0000","CreatedDate":"2020-01-02T03:04:05.000+0000","AnnualRevenue":3.5E8,"NumberOfEmployees":%d`, r, r, r)
		for _, c := range columns[6:] {
			fmt.Fprintf(&in, `,"%s":"some text of record %d"`, c.Field, r)
		}
		in.WriteByte('}')
	}
	in.WriteString("]}")
	body := []byte(in.String())
	batch := record.NewBatch(record.NewLayout(columns))
	d := restjson.NewDecoder(batch.Layout)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if _, err := d.DecodePage(bytes.NewReader(body), batch); err != nil {
			b.Fatal(err)
		}
	}
}
