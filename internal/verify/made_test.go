package verify_test

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sitetest"
)

// made is a table resolved by hand.
func made(s *sitetest.Site) *mapping.Table {
	columns := []record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}},
		{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text, Length: 80}},
		{Field: "SystemModstamp", Name: "systemmodstamp", Type: record.Type{Kind: record.Timestamp}},
	}
	t := &mapping.Table{
		Mapping: mapping.Mapping{ID: uuid.New(), ConnectionID: s.Connection.ID, ObjectName: "Made__c"},
		Object:  "Made__c", Name: "made__c", Layout: record.NewLayout(columns), Upsert: -1,
	}
	for _, c := range columns {
		t.Columns = append(t.Columns, mapping.Column{Column: c})
	}
	return t
}

func copySource(n int) pgx.CopyFromSource {
	return pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		return []any{id(i), fmt.Sprint("name ", i), time.Unix(0, 0).UTC()}, nil
	})
}
