package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// RepairReport says what became of a wish to repair.
type RepairReport struct {
	// Asked are open differences that a repair was begun for: their records will
	// be read again, or their rows sent.
	Asked int `json:"asked"`
	// Skipped can't be taken from that side.
	Skipped []Skipped `json:"skipped"`
}

// Skipped is a difference that was left as it is.
type Skipped struct {
	Sfid string `json:"sfid,omitempty"`
	Row  int32  `json:"row,omitempty"`
	Why  string `json:"why"`
}

// Repair begins to settle open differences of a mapping by taking one side's
// word. From Salesforce, the records are left to the reader, which reads them
// by Id and applies them as it does all others: a change that is on its way
// stays safe, and mass deletions ask the brake. From Postgres, a change of the
// row is captured and the writer sends it. Either way the next proof tells
// whether they are gone.
//
// Ids are sfids, or ids of rows as text; none means all open differences.
func Repair(ctx context.Context, tx pgx.Tx, c mapping.Connection, t *mapping.Table, from Side, ids []string) (RepairReport, error) {
	r := &repairer{tx: tx, connection: c, table: t, report: RepairReport{Skipped: []Skipped{}}}
	open, err := r.open(ctx, ids)
	if err != nil {
		return r.report, fmt.Errorf("read open differences: %w", err)
	}
	if from == Salesforce {
		err = r.fromSalesforce(ctx, open)
	} else {
		err = r.fromPostgres(ctx, open)
	}
	if err != nil {
		return r.report, fmt.Errorf("repair from %s: %w", from, err)
	}
	_, err = tx.Exec(ctx, "UPDATE _syncline.drift SET repair = $2 WHERE id = ANY($1::bigint[])", r.begun, string(from))
	if err != nil {
		return r.report, fmt.Errorf("note repairs: %w", err)
	}
	r.report.Asked = len(r.begun)
	return r.report, nil
}

type repairer struct {
	tx         pgx.Tx
	connection mapping.Connection
	table      *mapping.Table
	report     RepairReport
	begun      []int64
}

// open locks the differences, so that two repairs don't meet.
func (r *repairer) open(ctx context.Context, ids []string) ([]Drift, error) {
	rows, err := r.tx.Query(ctx, `SELECT id, kind, coalesce(sfid, ''), coalesce(record_id, 0), coalesce(columns, '{}')
		FROM _syncline.drift WHERE connection_id = $1 AND mapping = $2 AND settled_at IS NULL
		AND ($3::text[] IS NULL OR sfid = ANY($3) OR record_id::text = ANY($3)) ORDER BY id FOR UPDATE`,
		r.connection.ID, r.table.Mapping.ID, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Drift, err error) {
		err = row.Scan(&d.ID, &d.Kind, &d.Sfid, &d.Row, &d.Columns)
		return d, err
	})
}

func (r *repairer) skip(d Drift, why string) {
	r.report.Skipped = append(r.report.Skipped, Skipped{Sfid: d.Sfid, Row: d.Row, Why: why})
}

func (r *repairer) fromSalesforce(ctx context.Context, open []Drift) error {
	var sfids, reasons []string
	for _, d := range open {
		if d.Sfid == "" {
			r.skip(d, "the row was never sent: send it, or delete it")
			continue
		}
		sfids, reasons = append(sfids, d.Sfid), append(reasons, "repair")
		r.begun = append(r.begun, d.ID)
	}
	if len(sfids) == 0 {
		return nil
	}
	return apply.Defer(ctx, &target.Tx{Tx: r.tx}, r.connection.ID, r.table.Mapping.ID, sfids, reasons)
}

func (r *repairer) fromPostgres(ctx context.Context, open []Drift) error {
	for _, d := range open {
		why := ""
		var columns []string
		switch {
		case r.table.Access != mapping.ReadWrite:
			why = "the mapping is read-only"
		case d.Kind == MissingInPostgres:
			why = "there is no row: delete the record in Salesforce, or repair from salesforce"
		case d.Kind == MissingInSalesforce:
			why = "the record is gone, and an Id can't be made again: insert a copy without sfid, or repair from salesforce"
		case d.Kind == Different:
			if columns = r.writable(d.Columns); len(columns) == 0 {
				why = "Salesforce works these columns out itself: repair from salesforce"
			}
		}
		if why != "" {
			r.skip(d, why)
			continue
		}
		found, err := r.capture(ctx, d, columns)
		if err != nil {
			return fmt.Errorf("capture row %d: %w", d.Row, err)
		}
		if !found {
			r.skip(d, "the row is gone by now")
			continue
		}
		r.begun = append(r.begun, d.ID)
	}
	return nil
}

// writable are those of some columns that may be sent with an update.
func (r *repairer) writable(columns []string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(name string) bool {
		c := r.table.Column(name)
		return c == nil || !c.Updateable
	})
}

// capture writes an entry of the trigger log, by the functions that users have
// for it.
func (r *repairer) capture(ctx context.Context, d Drift, columns []string) (bool, error) {
	function, list := "hc_capture_update_from_row", columns
	if d.Kind == NeverSent {
		function, list = "hc_capture_insert_from_row", r.unsendable()
	}
	tag, err := r.tx.Exec(ctx, fmt.Sprintf("SELECT %s(hstore(r), $2, $3::text[]) FROM %s r WHERE id = $1",
		pgx.Identifier{r.connection.Schema, function}.Sanitize(),
		pgx.Identifier{r.connection.Schema, r.table.Name}.Sanitize()), d.Row, r.table.Name, list)
	return tag.RowsAffected() > 0, err
}

// unsendable are the columns that no insert may hold.
func (r *repairer) unsendable() []string {
	out := []string{}
	for i := range r.table.Columns {
		if c := &r.table.Columns[i]; !c.Createable {
			out = append(out, c.Name)
		}
	}
	return out
}
