package verify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// duplicates counts the unique identifiers that several rows, or several
// records, share.
func (j *job) duplicates(ctx context.Context) error {
	if j.table.Upsert < 0 {
		return nil
	}
	rows, err := j.DB.Pool().Query(ctx, j.sql.doubles)
	if err != nil {
		return fmt.Errorf("look for duplicate rows: %w", err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for duplicate rows: %w", err)
	}
	path := j.table.Columns[j.table.Upsert].Path()
	records, err := j.duplicateRecords(ctx, path)
	if err != nil {
		return err
	}
	for _, v := range values {
		j.show(Sample{Kind: Duplicate, Fields: []FieldDifference{{Field: path, Postgres: &v}}})
	}
	for _, v := range records {
		j.show(Sample{Kind: Duplicate, Fields: []FieldDifference{{Field: path, Salesforce: &v}}})
	}
	return nil
}

// uncountable are the codes with which the org refuses to count by a field.
var uncountable = []string{
	"INVALID_FIELD", "MALFORMED_QUERY", "QUERY_TIMEOUT", "EXCEEDED_ID_LIMIT", "OPERATION_TOO_LARGE", "INVALID_QUERY_LOCATOR",
}

func (j *job) duplicateRecords(ctx context.Context, path string) ([]string, error) {
	found, err := j.maps(ctx, fmt.Sprintf("SELECT %[1]s, COUNT(Id) n FROM %[2]s WHERE %[1]s != null GROUP BY %[1]s HAVING COUNT(Id) > 1",
		path, j.table.Object), false)
	if salesforce.IsCode(err, uncountable...) {
		j.Logger.WarnContext(ctx, "duplicates in the org are not looked for: it can't count them", "object", j.table.Object, "field", path, "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for duplicate records: %w", err)
	}
	out := make([]string, len(found))
	for i, m := range found {
		out[i] = fmt.Sprint(m[path])
	}
	return out, nil
}
