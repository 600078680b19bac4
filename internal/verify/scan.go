package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// ShortError says that the org sent fewer or more records than it had
// announced, several times over. Nothing is proved by them.
type ShortError struct{ Announced, Read int }

// Error gives both numbers.
func (e *ShortError) Error() string {
	return fmt.Sprintf("the org announced %d records and sent %d", e.Announced, e.Read)
}

// maxRestarts is how often the records are read from the start because the
// result was gone or not whole.
const maxRestarts = 3

// records reads the org in chunks and compares each with its rows.
func (j *job) records(ctx context.Context, more func() bool) (through bool, err error) {
	switch {
	case j.place.Bulk != nil:
		through, err = j.bulkRecords(ctx, more)
	default:
		through, err = j.restRecords(ctx, more)
	}
	_, short := errors.AsType[*ShortError](err)
	_, shortPage := errors.AsType[*bulk.ShortError](err)
	_, failed := errors.AsType[*bulk.JobError](err)
	if (short || shortPage || failed || bulk.Gone(err)) && j.place.Restarts < maxRestarts {
		j.Logger.WarnContext(ctx, "records are read again from the start", "object", j.table.Object, "error", err)
		j.restart(failed)
		return more(), nil
	}
	if err != nil {
		return false, err
	}
	if through {
		j.recordsThrough()
	}
	return through || j.place.Bulk != nil && !j.place.Bulk.Listed && more(), nil
}

// restart forgets what was compared; what was known before stays in doubt.
func (j *job) restart(rest bool) {
	p := j.place
	r := &p.Report
	*r = MappingReport{Mapping: r.Mapping, Object: r.Object, Table: r.Table, Proof: r.Proof, Samples: []Sample{}}
	p.Bulk, p.After, p.REST, p.seen, p.Drift = nil, "", p.REST || rest, idSet{}, nil
	p.Doubts = slices.DeleteFunc(p.Doubts, func(d doubt) bool { return !d.Known })
	p.Compared = 0
	p.Restarts++
	if p.Bounded { // the counts by day are in the report
		p.Bounded, p.Spans, p.Phase = false, nil, inDays
		p.Others, p.InOthers, p.Narrow = 0, false, false
		j.chooseView()
	}
}

// soql is the query of the records to compare.
func (j *job) soql(t *mapping.Table, conditions ...string) string {
	if p := j.place; p.Bounded {
		days := p.Spans.soql
		if p.InOthers {
			days = p.Spans.others
		}
		if c := days(j.table.Columns[j.table.Layout.Stamp].Path()); c != "" {
			conditions = append(conditions, c)
		}
	}
	if f := t.Mapping.Options.Filter; f != "" {
		conditions = append(conditions, "("+f+")")
	}
	if j.all() {
		conditions = append(conditions, "IsDeleted = false")
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	return "SELECT " + strings.Join(t.Layout.Paths(), ", ") + " FROM " + t.Object + where
}

// all says whether archived records are asked for; deleted ones come with them
// and are left out by a condition.
func (j *job) all() bool { return j.table.Mapping.Options.Archived && j.table.Layout.Deleted >= 0 }

// compare looks a chunk of records up in the table and compares them.
func (j *job) compare(ctx context.Context, b *record.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	ids := make([]string, b.Len())
	for i := range ids {
		ids[i] = b.Value(i, j.view.Layout.ID).String()
	}
	rows, err := j.lookUp(ctx, ids)
	if err != nil {
		return err
	}
	var doubts []doubt
	var kinds []Kind
	var equal int64
	var rec row
	for i, id := range ids {
		rec.values = b.Row(i, rec.values)
		switch r := rows[id]; {
		case r == nil:
			doubts, kinds = append(doubts, doubt{Sfid: id}), append(kinds, MissingInPostgres)
		case same(j.view, &rec, r):
			equal++
		default:
			doubts, kinds = append(doubts, doubt{Sfid: id, ID: r.id}), append(kinds, Different)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range rows {
		j.place.seen.add(r.id)
	}
	j.place.Compared += int64(len(ids))
	j.place.Report.Equal += equal
	if !j.place.Bounded {
		j.place.Report.RowsSalesforce += int64(len(ids))
	}
	for i, d := range doubts {
		j.found(kinds[i], d, j.changed(rows[d.Sfid]))
	}
	j.tell()
	return nil
}

// changed says whether a row bears a stamp of after the proof's beginning.
func (j *job) changed(r *row) bool {
	s := j.view.Layout.Stamp
	return r != nil && s >= 0 && r.values[s] != nil && r.values[s].Time().After(j.place.Began)
}

func (j *job) tell() {
	if j.Progress != nil {
		j.Progress(Progress{Object: j.table.Object, Compared: j.place.Compared, Total: j.place.Total})
	}
}

// lookUp reads the rows of some records, by sfid. A table that was just filled
// has no statistics yet, so that its index is asked for.
func (j *job) lookUp(ctx context.Context, ids []string) (map[string]*row, error) {
	select {
	case j.lookups <- struct{}{}:
		defer func() { <-j.lookups }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	rows := make(map[string]*row, len(ids))
	err := j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
			return fmt.Errorf("prepare to look up rows: %w", err)
		}
		found, err := readRows(ctx, tx.Conn().PgConn(), j.view, j.viewSQL.bySfid, ids)
		for i := range found {
			rows[found[i].sfid] = &found[i]
		}
		return err
	})
	return rows, err
}

// same compares every column of a view.
func same(view *mapping.Table, rec, r *row) bool {
	for i := range view.Columns {
		if !view.Columns[i].Type.SameForVerify(rec.values[i], r.values[i]) {
			return false
		}
	}
	return true
}

// unseen goes through the rows and finds those that no record stood for, and
// those without an Id.
func (j *job) unseen(ctx context.Context, more func() bool) (through bool, err error) {
	sql := j.sql.rows + j.rowConditions() + fmt.Sprintf(" ORDER BY id LIMIT %d", rowsPerFetch)
	for more() {
		n, err := j.unseenRows(ctx, sql)
		if err != nil {
			return false, fmt.Errorf("go through rows of %s: %w", j.table.Name, err)
		}
		if n < rowsPerFetch {
			j.place.Phase, j.place.Due = inLooks, time.Now().Add(j.options.Confirm)
			j.prepareLooks()
			return true, nil
		}
	}
	return false, nil
}

func (j *job) unseenRows(ctx context.Context, sql string) (n int, err error) {
	var (
		id      int32
		sfid    string
		changed bool
	)
	err = j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, j.place.Row, j.place.Began)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&id, &sfid, &changed}, func() error {
			n++
			j.place.Row = id
			if sfid == "" || !j.place.Bounded {
				j.place.Report.RowsPostgres++
			}
			switch {
			case sfid == "":
				j.found(NeverSent, doubt{ID: id}, false)
			case !j.place.seen.has(id):
				j.found(MissingInSalesforce, doubt{Sfid: sfid, ID: id}, changed)
			}
			return nil
		})
		return err
	})
	return n, err
}

// rowConditions bound the rows to compare: rows of deleted records that are
// kept on purpose stand for no record.
func (j *job) rowConditions() string {
	out := ""
	if j.keepsDeleted() {
		out += " AND NOT coalesce(" + quote(j.table.Columns[j.table.Layout.Deleted].Name) + ", false)"
	}
	switch {
	case j.place.InOthers:
	case j.place.Bounded && len(j.place.Spans) > 0:
		out += " AND (sfid IS NULL OR " + j.place.Spans.sql(j.stampColumn()) + ")"
	case j.place.Bounded:
		out += " AND sfid IS NULL"
	}
	return out
}

func (j *job) stampColumn() string { return quote(j.table.Columns[j.table.Layout.Stamp].Name) }

func (j *job) keepsDeleted() bool {
	return j.table.Mapping.Options.Deletes == mapping.KeepRow && j.table.Layout.Deleted >= 0
}
