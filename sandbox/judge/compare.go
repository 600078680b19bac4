package judge

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
)

// separator stands between the values of a record kept in memory; no value
// holds it.
const separator = "\x00"

// record is a record of the org with its compared values.
type record struct {
	id     string
	values string
	seen   bool
}

// comparison judges one mapping.
type comparison struct {
	mapping mapping
	out     *Mapping
	log     *tableLog
	columns []column
	// byField lists the columns that take a field's value, by the name in lower
	// case.
	byField map[string][]int
	records map[string]*record
	// order are the records in the order of the dump.
	order []*record
	// waiting are the external ids of rows without Id whose entry is unsettled.
	waiting map[string]bool
}

func (c *comparison) run(ctx context.Context, o *org, pg *postgres) error {
	types, err := pg.columns(ctx, c.mapping.table)
	if err != nil {
		return err
	}
	if len(types) == 0 {
		c.out.Columns.add(Finding{Detail: "there is no table " + c.mapping.table})
		return nil
	}
	if len(o.known[c.mapping.object]) > 0 {
		c.choose(o, types)
	}
	if err := c.readOrg(ctx, o); err != nil {
		return err
	}
	if err := c.readRows(ctx, pg); err != nil {
		return err
	}
	c.missing()
	return nil
}

// choose decides which columns are compared, and how.
func (c *comparison) choose(o *org, types map[string]string) {
	c.byField = make(map[string][]int)
	for _, field := range c.mapping.fields {
		name := strings.ToLower(field)
		sqlType, ok := types[name]
		if !ok {
			c.out.Columns.add(Finding{Field: field, Detail: "the table has no such column"})
			continue
		}
		col := column{field: field, name: name}
		col.kind, col.scale = kindOf(sqlType)
		source := name
		if lookup, external, ok := o.relationship(c.mapping.object, field); ok {
			col.lookup, col.external = lookup, strings.ToLower(external)
			source = strings.ToLower(lookup)
		} else if _, ok := o.known[c.mapping.object][name]; !ok {
			c.out.Columns.add(Finding{Field: field, Detail: "the org's state has no such field"})
			continue
		}
		c.byField[source] = append(c.byField[source], len(c.columns))
		c.columns = append(c.columns, col)
	}
}

// readOrg keeps the compared values of every record.
func (c *comparison) readOrg(ctx context.Context, o *org) error {
	c.records = make(map[string]*record)
	values := make([]string, len(c.columns))
	err := o.each(ctx, c.mapping.object, func(name string, v jsontext.Value) error {
		for _, i := range c.byField[strings.ToLower(name)] {
			var err error
			if values[i], err = c.columns[i].orgValue(o, v); err != nil {
				return fmt.Errorf("field %s: %w", name, err)
			}
		}
		return nil
	}, func(l line) error {
		if !l.deleted {
			c.out.Records++
			if _, twice := c.records[idKey(l.id)]; twice {
				return fmt.Errorf("record %s occurs twice", l.id)
			}
			r := &record{id: l.id, values: strings.Join(values, separator)}
			c.records[idKey(l.id)], c.order = r, append(c.order, r)
		}
		clear(values)
		return nil
	})
	if err == nil {
		c.orgDuplicates()
	}
	return err
}

// orgValue is the compared value of a field; that of a relationship column is
// the external id of the parent.
func (col *column) orgValue(o *org, v jsontext.Value) (string, error) {
	if col.lookup == "" {
		return col.fromJSON(v)
	}
	id, err := (&column{kind: kindID}).fromJSON(v)
	if err != nil || id == "" {
		return "", err
	}
	external, ok := o.external[col.external][id]
	if !ok {
		return "", nil
	}
	return col.fromJSON(jsontext.Value(external))
}

// uniqueColumns are the positions of the external ids among the columns.
func (c *comparison) uniqueColumns() []int {
	var list []int
	for _, u := range c.mapping.unique {
		for i, col := range c.columns {
			if strings.EqualFold(col.field, u) && col.lookup == "" {
				list = append(list, i)
			}
		}
	}
	return list
}

func (c *comparison) orgDuplicates() {
	for _, i := range c.uniqueColumns() {
		first := make(map[string]string, len(c.records))
		for _, r := range c.order {
			v := strings.ToLower(strings.Split(r.values, separator)[i])
			if v == "" {
				continue
			}
			if other, taken := first[v]; taken {
				c.out.OrgDuplicates.add(Finding{ID: r.id, Field: c.columns[i].field, Org: v, Detail: "shared with " + other})
				continue
			}
			first[v] = r.id
		}
	}
}

// readRows streams the table and judges row by row.
func (c *comparison) readRows(ctx context.Context, pg *postgres) error {
	selected := []string{"id", "sfid"}
	for _, col := range c.columns {
		selected = append(selected, pgx.Identifier{col.name}.Sanitize())
	}
	c.waiting = make(map[string]bool)
	taken := make(map[int]map[string]int64)
	unique := c.uniqueColumns()
	for _, i := range unique {
		taken[i] = make(map[string]int64)
	}
	query := "SELECT " + strings.Join(selected, ", ") + " FROM " + pg.table(c.mapping.table) + " ORDER BY id"
	return pg.copy(ctx, query, func(cells []string) error {
		row, err := c.row(cells)
		if err != nil {
			return err
		}
		for _, i := range unique {
			v := strings.ToLower(row.values[i])
			if other, there := taken[i][v]; there && v != "" {
				c.out.RowDuplicates.add(Finding{ID: row.id, Row: row.n, Field: c.columns[i].field, Postgres: v, Detail: "shared with row " + strconv.FormatInt(other, 10)})
			} else {
				taken[i][v] = row.n
			}
		}
		c.judge(row)
		return nil
	})
}

// tableRow is one row with its compared values.
type tableRow struct {
	n      int64
	id     string
	values []string
}

func (c *comparison) row(cells []string) (tableRow, error) {
	n, err := strconv.ParseInt(cells[0], 10, 64)
	if err != nil {
		return tableRow{}, fmt.Errorf("row id %q: %w", cells[0], err)
	}
	r := tableRow{n: n, values: make([]string, len(c.columns))}
	if cells[1] != null {
		r.id = strings.TrimSpace(cells[1])
	}
	for i := range c.columns {
		if cells[i+2] == null {
			continue
		}
		if r.values[i], err = c.columns[i].fromText(cells[i+2]); err != nil {
			return r, fmt.Errorf("row %d: %w", n, err)
		}
	}
	return r, nil
}

func (c *comparison) judge(row tableRow) {
	c.out.Rows++
	log := c.log.find(row.n, row.id)
	if row.id == "" {
		if log != nil && log.unsettled {
			for _, i := range c.uniqueColumns() {
				c.waiting[strconv.Itoa(i)+separator+strings.ToLower(row.values[i])] = true
			}
		}
		c.settle(log, &c.out.NoID, Finding{Row: row.n, Detail: "row without Id"})
		return
	}
	rec, ok := c.records[idKey(row.id)]
	switch {
	case !ok:
		c.settle(log, &c.out.Extra, Finding{ID: row.id, Row: row.n, Detail: "row without record"})
		return
	case rec.seen:
		c.out.RowDuplicates.add(Finding{ID: row.id, Row: row.n, Detail: "another row has this Id"})
		return
	}
	rec.seen = true
	values := strings.Split(rec.values, separator)
	equal := true
	for i, col := range c.columns {
		if values[i] == row.values[i] {
			continue
		}
		if equal {
			c.settle(log, &c.out.Fields, Finding{ID: row.id, Row: row.n, Field: col.field, Org: values[i], Postgres: row.values[i]})
		}
		equal = false
	}
	if equal {
		c.out.Equal++
	}
}

// settle counts a finding as pending, as a failed write, or as what it is.
func (c *comparison) settle(log *rowLog, as *Tally, f Finding) {
	switch {
	case log != nil && log.unsettled:
		c.out.Pending.add(f)
	case log != nil && log.failed:
		f.Detail = strings.TrimSpace(f.Detail + " " + log.message)
		c.out.Failed.add(f)
	default:
		as.add(f)
	}
}

// missing judges the records that no row has.
func (c *comparison) missing() {
	unique := c.uniqueColumns()
	for _, r := range c.order {
		if r.seen || c.arriving(r, unique) {
			continue
		}
		c.settle(c.log.find(0, r.id), &c.out.Missing, Finding{ID: r.id, Detail: "record without row"})
	}
}

// arriving tells that a row without Id, whose entry is unsettled, holds the
// record's external id: it was counted as pending already.
func (c *comparison) arriving(r *record, unique []int) bool {
	if len(c.waiting) == 0 {
		return false
	}
	values := strings.Split(r.values, separator)
	for _, i := range unique {
		if values[i] != "" && c.waiting[strconv.Itoa(i)+separator+strings.ToLower(values[i])] {
			return true
		}
	}
	return false
}
