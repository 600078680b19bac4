package main

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// field is a column and the expression that fills it from a row number g; ""
// leaves it NULL, as a third of a real Account's fields are.
type field struct {
	name, fill string
	kind       record.Type
}

func fields() []field {
	text := func(n int) record.Type { return record.Type{Kind: record.Text, Length: n} }
	list := []field{
		{"Name", "'Account number ' || g", text(255)},
		{"AnnualRevenue", "g * 1000.5", record.Type{Kind: record.Double}},
		{"NumberOfEmployees", "g % 5000", record.Type{Kind: record.Int}},
		{"IsDeleted", "false", record.Type{Kind: record.Bool}},
		{"SystemModstamp", "TIMESTAMP '2024-01-01' + g * INTERVAL '1 s'", record.Type{Kind: record.Timestamp}},
		{"CreatedDate", "TIMESTAMP '2023-01-01' + g * INTERVAL '1 s'", record.Type{Kind: record.Timestamp}},
		{"LastModifiedDate", "TIMESTAMP '2024-01-01' + g * INTERVAL '1 s'", record.Type{Kind: record.Timestamp}},
		{"LastActivityDate", "DATE '2024-01-01' + g % 300", record.Type{Kind: record.Date}},
		{"OwnerId", "'0055g00000A1b2cAAB'", record.Type{Kind: record.ID, Length: 18}},
		{"CreatedById", "'0055g00000A1b2cAAB'", record.Type{Kind: record.ID, Length: 18}},
		{"ParentId", "", record.Type{Kind: record.ID, Length: 18}},
		{"Description", "repeat('Lorem ipsum dolor sit amet. ', 5)", text(0)},
		{"Website", "'https://www.example.com/' || g", text(255)},
		{"Phone", "'+49 30 ' || g", text(40)},
		{"Industry", "'Manufacturing'", text(255)},
	}
	for i := len(list); i < 49; i++ {
		f := field{fmt.Sprintf("Custom_Field_%02d__c", i), fmt.Sprintf("'value %d of ' || g", i), text(255)}
		if i%3 == 0 {
			f.fill = ""
		}
		list = append(list, f)
	}
	return list
}

// account is a read-write mapping of 50 fields, Id among them.
func account() *mapping.Table {
	t := &mapping.Table{
		Mapping: mapping.Mapping{ID: uuid.New()}, Object: "Account", Name: "account", Access: mapping.ReadWrite, Upsert: -1,
	}
	layout := []record.Column{{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}}}
	for _, f := range fields() {
		layout = append(layout, record.Column{Field: f.name, Name: strings.ToLower(f.name), Type: f.kind})
	}
	for _, c := range layout {
		t.Columns = append(t.Columns, mapping.Column{Column: c})
	}
	t.Layout = record.NewLayout(layout)
	return t
}

// insert fills the table of a schema with as many rows as $1 says.
func insert(schema string) string {
	var columns, values []string
	for _, f := range fields() {
		if f.fill != "" {
			columns, values = append(columns, strings.ToLower(f.name)), append(values, f.fill)
		}
	}
	return fmt.Sprintf("INSERT INTO %s.account (id, sfid, %s) SELECT g, '001' || lpad(g::text, 15, '0'), %s FROM generate_series(1, $1::int) g",
		schema, strings.Join(columns, ", "), strings.Join(values, ", "))
}
