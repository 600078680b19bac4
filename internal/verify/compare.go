package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/record"
)

// compareAll reads both sides side by side.
func (j *job) compareAll(ctx context.Context) error {
	err := j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		pg, err := openRows(ctx, tx, j)
		if err != nil {
			return err
		}
		return j.join(ctx, &records{org: j.org, table: j.table, batch: record.NewBatch(j.table.Layout)}, pg)
	})
	if err != nil {
		return err
	}
	return j.unsent(ctx)
}

// progressEvery is the number of records between two words of progress.
const progressEvery = 10_000

func (j *job) join(ctx context.Context, org *records, pg *rows) error {
	rec, err := org.read(ctx)
	if err != nil {
		return fmt.Errorf("read the org: %w", err)
	}
	row, err := pg.read(ctx)
	for ; rec != nil || row != nil; j.tell() {
		if err != nil {
			return err
		}
		order := j.pair(rec, row)
		if order <= 0 {
			if rec, err = org.read(ctx); err != nil {
				return fmt.Errorf("read the org: %w", err)
			}
		}
		if order >= 0 {
			row, err = pg.read(ctx)
		}
	}
	return err
}

func (j *job) tell() {
	if n := j.report.RowsSalesforce; j.Progress != nil && n%progressEvery == 0 {
		j.Progress(j.table.Object, n)
	}
}

// pair compares the two heads and says which goes on: -1 the record, 1 the row,
// 0 both.
func (j *job) pair(rec, row *row) int {
	var order int
	switch {
	case row == nil:
		order = -1
	case rec == nil:
		order = 1
	default:
		order = strings.Compare(rec.sfid, row.sfid)
	}
	if order <= 0 {
		j.report.RowsSalesforce++
	}
	if order >= 0 {
		j.report.RowsPostgres++
	}
	switch {
	case order < 0:
		j.found(MissingInPostgres, doubt{sfid: rec.sfid})
	case order > 0:
		j.found(MissingInSalesforce, doubt{sfid: row.sfid, id: row.id})
	case j.same(rec, row):
		j.report.Equal++
	default:
		j.found(Different, doubt{sfid: row.sfid, id: row.id})
	}
	return order
}

// same compares every mapped column.
func (j *job) same(rec, row *row) bool {
	for i := range j.table.Columns {
		if !j.table.Columns[i].Type.SameForVerify(rec.values[i], row.values[i]) {
			return false
		}
	}
	return true
}

// fields lists the columns that differ.
func (j *job) fields(rec, row *row) []FieldDifference {
	var out []FieldDifference
	for i := range j.table.Columns {
		c := &j.table.Columns[i]
		if !c.Type.SameForVerify(rec.values[i], row.values[i]) {
			out = append(out, FieldDifference{Field: c.Path(), Salesforce: asText(c.Type, rec.values[i]), Postgres: asText(c.Type, row.values[i])})
		}
	}
	return out
}

// maxText bounds a value in a sample, in bytes.
const maxText = 200

func asText(t record.Type, v record.Value) *string {
	if v == nil {
		return nil
	}
	s := string(t.AppendText(nil, v))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return &s
}

// unsent notes the rows that have no Id.
func (j *job) unsent(ctx context.Context) error {
	var after int32
	for {
		rows, err := j.DB.Pool().Query(ctx, j.sql.unsent, after)
		if err != nil {
			return fmt.Errorf("list rows of %s without an Id: %w", j.table.Name, err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
		if err != nil {
			return fmt.Errorf("list rows of %s without an Id: %w", j.table.Name, err)
		}
		for _, id := range ids {
			j.report.RowsPostgres++
			j.found(NeverSent, doubt{id: id})
			after = id
		}
		if len(ids) < rowsPerFetch {
			return nil
		}
	}
}
