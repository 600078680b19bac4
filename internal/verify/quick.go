package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// day is what is known of the records, or rows, that were last changed on one.
type day struct {
	rows int64
	// newest stamp, in seconds since 1970.
	newest int64
}

// dayForm is a day's name. The empty name stands for rows without a stamp.
const dayForm = time.DateOnly

// days finds the days that differ. Where the org can't count by day, Ids and
// stamps of all records are compared instead.
func (j *job) days(ctx context.Context) error {
	j.place.Phase = inRecords
	if j.table.Layout.Stamp < 0 {
		j.place.Narrow = true
		j.chooseView()
		return nil
	}
	theirs, err := j.daysOfOrg(ctx)
	if salesforce.IsCode(err, uncountable...) {
		j.Logger.InfoContext(ctx, "records can't be counted by day, their stamps are read", "object", j.table.Object, "error", err)
		j.place.Narrow = true
		j.chooseView()
		return nil
	}
	if err != nil {
		j.place.Phase = inDays
		return fmt.Errorf("count records by day: %w", err)
	}
	ours, err := j.daysOfTable(ctx)
	if err != nil {
		j.place.Phase = inDays
		return fmt.Errorf("count rows of %s by day: %w", j.table.Name, err)
	}
	j.bound(theirs, ours)
	return nil
}

// recent is how far back all values are compared even where the counts agree: a
// change that was missed today has, as often as not, its older version on the
// same day.
const recent = 24 * time.Hour

// bound notes the days to be compared value by value: those that differ, and
// the newest.
func (j *job) bound(theirs, ours map[string]day) {
	r := &j.place.Report
	since := j.place.Began.Add(-recent).Format(dayForm)
	compare := map[string]bool{}
	for d, n := range ours {
		r.RowsPostgres += n.rows
		if d != "" && theirs[d] != n {
			r.Days = append(r.Days, d)
		}
		compare[d] = d != "" && (theirs[d] != n || d >= since)
	}
	for d, n := range theirs {
		r.RowsSalesforce += n.rows
		if _, known := ours[d]; !known {
			r.Days = append(r.Days, d)
			compare[d] = true
		}
		if !compare[d] {
			j.place.Others += n.rows
		}
	}
	slices.Sort(r.Days)
	maps.DeleteFunc(compare, func(_ string, yes bool) bool { return !yes })
	j.place.Bounded, j.place.Spans = true, spansOf(slices.Sorted(maps.Keys(compare)))
	if len(compare) > 0 {
		return
	}
	if j.place.Others == 0 && ours[""].rows > 0 {
		j.place.Spans = spans{{}} // rows without a stamp, and no others
	}
	j.recordsThrough()
}

// recordsThrough says what follows when records were read: in a quick proof
// those of the other days, by Id and stamp.
func (j *job) recordsThrough() {
	p := j.place
	if p.Others == 0 || p.InOthers {
		p.Phase = inRows
		return
	}
	p.InOthers, p.Narrow, p.After = true, true, ""
	j.chooseView()
}

func (j *job) daysOfOrg(ctx context.Context) (map[string]day, error) {
	stamp := j.table.Columns[j.table.Layout.Stamp].Path()
	narrowed := *j.table
	soql := j.soql(&narrowed)
	_, from, _ := strings.Cut(soql, " FROM ")
	found, err := j.maps(ctx, fmt.Sprintf("SELECT DAY_ONLY(%[1]s) d, COUNT(Id) n, MAX(%[1]s) newest FROM %[2]s GROUP BY DAY_ONLY(%[1]s)", stamp, from), j.all())
	if err != nil {
		return nil, err
	}
	out := map[string]day{}
	for _, m := range found {
		n, err := strconv.ParseFloat(fmt.Sprint(m["n"]), 64)
		if err != nil {
			return nil, fmt.Errorf("read a count: %w", err)
		}
		newest, err := time.Parse("2006-01-02T15:04:05.000-0700", fmt.Sprint(m["newest"]))
		if err != nil {
			return nil, fmt.Errorf("read a stamp: %w", err)
		}
		out[fmt.Sprint(m["d"])] = day{rows: int64(n), newest: newest.Unix()}
	}
	return out, nil
}

func (j *job) daysOfTable(ctx context.Context) (map[string]day, error) {
	stamp := j.stampColumn() + "::timestamp"
	sql := fmt.Sprintf(`SELECT coalesce(to_char(%[1]s, 'YYYY-MM-DD'), ''), count(*), coalesce(floor(extract(epoch FROM max(%[1]s))), 0)::bigint
		FROM %[2]s WHERE sfid IS NOT NULL%[3]s GROUP BY 1`, stamp, pgx.Identifier{j.Connection.Schema, j.table.Name}.Sanitize(), j.rowConditions())
	out := map[string]day{}
	err := j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '10min'"); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sql)
		if err != nil {
			return err
		}
		var name string
		var d day
		_, err = pgx.ForEachRow(rows, []any{&name, &d.rows, &d.newest}, func() error {
			out[name] = d
			return nil
		})
		return err
	})
	return out, err
}

// span is a stretch of time, To not included. The zero span has nothing in it.
type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type spans []span

// maxSpans keeps conditions short; more are taken together.
const maxSpans = 20

// spansOf joins days, in order, that follow each other.
func spansOf(days []string) spans {
	var out spans
	for _, name := range days {
		from, err := time.Parse(dayForm, name)
		if err != nil {
			continue
		}
		to := from.AddDate(0, 0, 1)
		if n := len(out); n > 0 && out[n-1].To.Equal(from) {
			out[n-1].To = to
			continue
		}
		out = append(out, span{from, to})
	}
	if len(out) > maxSpans {
		out = spans{{out[0].From, out[len(out)-1].To}}
	}
	return out
}

// others is the condition of everything else.
func (s spans) others(field string) string {
	if len(s) == 0 {
		return ""
	}
	return "(NOT " + s.soql(field) + ")"
}

// soql is a condition on the field that bears the stamp.
func (s spans) soql(field string) string {
	parts := make([]string, len(s))
	for i, x := range s {
		parts[i] = fmt.Sprintf("(%[1]s >= %[2]s AND %[1]s < %[3]s)", field, x.From.Format(time.RFC3339), x.To.Format(time.RFC3339))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// sql is true of rows without a stamp too: nobody knows where they belong.
func (s spans) sql(column string) string {
	parts := []string{column + " IS NULL"}
	for _, x := range s {
		parts = append(parts, fmt.Sprintf("%[1]s >= '%[2]s' AND %[1]s < '%[3]s'", column, x.From.Format(time.DateTime), x.To.Format(time.DateTime)))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// narrow is a table with nothing but Id and stamp.
func narrow(t *mapping.Table) *mapping.Table {
	out := *t
	out.Columns = nil
	var columns []record.Column
	keep := map[int]bool{t.Layout.ID: true}
	if t.Layout.Stamp >= 0 {
		keep[t.Layout.Stamp] = true
	}
	for _, i := range slices.Sorted(maps.Keys(keep)) {
		out.Columns = append(out.Columns, t.Columns[i])
		columns = append(columns, t.Columns[i].Column)
	}
	out.Layout, out.Upsert = record.NewLayout(columns), -1
	return &out
}
