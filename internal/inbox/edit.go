package inbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Values are new values of columns in text form, by the column's name; nil is
// NULL.
type Values map[string]*string

// Tables finds a mapped table by its name.
type Tables func(ctx context.Context, table string) (*mapping.Table, error)

// Edit writes new values into the rows of failed changes and sends these again:
// in one transaction the row is updated as by the application (with its
// triggers, and captured), one new entry takes the place of the failed one and
// holds all its columns as the row has them now, and the failed one is REQUEUED.
//
// Values that no column takes are a [*Refusal], before anything is changed. A row
// that the application holds, or whose values the database refuses, is skipped.
func (in *Inbox) Edit(ctx context.Context, f Filter, s Span, values Values, tables Tables, progress Progress) (Outcome, error) {
	if len(values) == 0 {
		return Outcome{}, &Refusal{What: "There are no values to write.", Fix: "Name columns with their new values."}
	}
	e := editing{Inbox: in, values: values, tables: tables, checked: map[string]map[triggerlog.Action]*edited{}}
	o, err := in.act(ctx, f, s, progress, e.run)
	if err != nil {
		return o, fmt.Errorf("edit failures: %w", err)
	}
	return o, nil
}

// edited are the values as one table takes them.
type edited struct {
	columns []string // names
	texts   []*string
}

// editing is one run of Edit.
type editing struct {
	*Inbox
	values  Values
	tables  Tables
	checked map[string]map[triggerlog.Action]*edited
}

func (e *editing) run(ctx context.Context, tx *target.Tx, entries []Entry, o *Outcome) error {
	along, err := e.companions(ctx, tx, slices.DeleteFunc(slices.Clone(entries), func(x Entry) bool { return x.actionable() != "" }))
	if err != nil {
		return err
	}
	with := map[rowKey][]Entry{}
	for _, c := range along {
		with[c.row()] = append(with[c.row()], c)
	}
	for _, x := range entries {
		if x.Action == triggerlog.Insert || x.Cause.Code == codeInsertFailed {
			with[x.row()] = append(with[x.row()], x)
		}
	}
	gone := map[int32]bool{} // entries whose place another has taken
	var own []int32
	for _, x := range entries {
		switch why := e.editable(x); {
		case gone[x.ID]:
			o.Done++
			continue
		case why != "":
			o.skip(x.ID, "%s", why)
			continue
		}
		took, id, err := e.one(ctx, tx, x, with[x.row()], own)
		if refused, ok := errors.AsType[*skipError](err); ok {
			o.skip(x.ID, "%s", refused.why)
			continue
		}
		if err != nil {
			return err
		}
		own = append(own, id)
		o.Done++
		for _, t := range took {
			gone[t.ID] = true
		}
	}
	for _, c := range along {
		if gone[c.ID] {
			o.Also++
		}
	}
	return nil
}

// skipError is why one entry can't be edited, though others can.
type skipError struct{ why string }

func (s *skipError) Error() string { return s.why }

func (e *editing) editable(x Entry) string {
	switch why := x.actionable(); {
	case why != "":
		return why
	case x.Action == triggerlog.Delete:
		return "a delete has no values: retry or ignore it"
	case x.RecordID == 0:
		return "the entry names no row: ignore it"
	case e.object(x.Table) == "":
		return "table " + x.Table + " belongs to no mapping"
	}
	return ""
}

// one edits the row of an entry, and returns the entries whose place the new
// one takes, with its log id. With are the entries of a row's failed insert.
func (e *editing) one(ctx context.Context, tx *target.Tx, x Entry, with []Entry, own []int32) (took []Entry, id int32, err error) {
	set, err := e.check(ctx, x)
	if err != nil {
		return nil, 0, err
	}
	save, err := tx.Begin(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("set a savepoint: %w", err)
	}
	defer func() { _ = save.Rollback(ctx) }() // does nothing once it is released
	columns := columnsOf(x.Entry)
	for _, c := range set.columns {
		columns[c] = true
	}
	err = e.update(ctx, save, x, set, columns, own)
	if target.Classify(err) == target.Value {
		return nil, 0, &skipError{target.Words(err)}
	}
	if err != nil {
		return nil, 0, err
	}
	lead := x
	took = []Entry{x}
	for _, w := range with {
		if w.Action == triggerlog.Insert {
			lead = w
		}
	}
	if lead.Action == triggerlog.Insert {
		for _, w := range with {
			if w.ID != x.ID {
				took = append(took, w)
			}
			maps.Copy(columns, columnsOf(w.Entry))
		}
	}
	if id, err = e.capture(ctx, save, lead, slices.Sorted(maps.Keys(columns))); err != nil {
		return nil, 0, err
	}
	if err := e.setState(ctx, save, took, triggerlog.Requeued); err != nil {
		return nil, 0, err
	}
	if err := save.Commit(ctx); err != nil {
		return nil, 0, fmt.Errorf("release the savepoint: %w", err)
	}
	return took, id, nil
}

// update writes the values as the application would: its own triggers fire as
// for its own session, and what they change elsewhere is captured. The captured
// entry of the row itself is MERGED: its columns, added to columns, travel with
// the new entry.
func (e *editing) update(ctx context.Context, tx pgx.Tx, x Entry, set *edited, columns map[string]bool, own []int32) error {
	var there, free bool
	var before int32
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM `+e.name(x.Table)+` WHERE id = $1),
		       EXISTS (SELECT FROM (SELECT FROM `+e.name(x.Table)+` WHERE id = $1 FOR UPDATE SKIP LOCKED) f),
		       (SELECT coalesce(max(id), 0) FROM `+e.live+`)`, x.RecordID).Scan(&there, &free, &before)
	switch {
	case err != nil:
		return fmt.Errorf("lock the row of log entry %d: %w", x.ID, err)
	case !there:
		return &skipError{"the row is not there any more: ignore the entry"}
	case !free:
		return &skipError{"the application holds the row locked: try again"}
	}
	assign, err := e.assignments(ctx, tx, x.Table, set.columns)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `SET LOCAL xmlbinary TO 'base64'`)
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE `+e.name(x.Table)+` SET `+assign+` WHERE id = $1`, x.RecordID, set.texts)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `SET LOCAL xmlbinary TO 'hex'`)
	}
	if err != nil {
		return fmt.Errorf("write the row of log entry %d: %w", x.ID, err)
	}
	rows, err := tx.Query(ctx, `
		UPDATE `+e.live+` SET state = 'MERGED', processed_at = now(), updated_at = now(), processed_tx = txid_current(), sf_result = 0
		WHERE id > $1 AND txid = txid_current() AND table_name = $2 AND record_id = $3 AND action = 'UPDATE'
			AND state IN ('NEW', 'IGNORE') AND id <> ALL($4::int[])
		RETURNING `+entryColumns, before, x.Table, x.RecordID, append([]int32{}, own...))
	if err != nil {
		return fmt.Errorf("take along what was captured: %w", err)
	}
	captured, err := collectEntries(rows, false)
	if err != nil {
		return fmt.Errorf("take along what was captured: %w", err)
	}
	for _, c := range captured {
		maps.Copy(columns, columnsOf(c.Entry))
	}
	return nil
}

// assignments sets columns from the texts of $2, each of its column's own type.
func (e *editing) assignments(ctx context.Context, tx pgx.Tx, table string, columns []string) (string, error) {
	rows, err := tx.Query(ctx, `SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = $1::text::pg_catalog.regclass AND a.attname = ANY($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped`,
		e.name(table), columns)
	if err != nil {
		return "", fmt.Errorf("read the types of %s: %w", table, err)
	}
	types := map[string]string{}
	var name, sqlType string
	if _, err := pgx.ForEachRow(rows, []any{&name, &sqlType}, func() error { types[name] = sqlType; return nil }); err != nil {
		return "", fmt.Errorf("read the types of %s: %w", table, err)
	}
	out := make([]string, len(columns))
	for i, c := range columns {
		if types[c] == "" {
			return "", &skipError{"the table has no column " + c + " at the moment"}
		}
		out[i] = fmt.Sprintf("%s = (($2::text[])[%d])::%s", pgx.Identifier{c}.Sanitize(), i+1, types[c])
	}
	return strings.Join(out, ", "), nil
}

// check holds the values against the columns of an entry's table, once for each
// table and operation.
func (e *editing) check(ctx context.Context, x Entry) (*edited, error) {
	if set := e.checked[x.Table][x.Action]; set != nil {
		return set, nil
	}
	t, err := e.tables(ctx, x.Table)
	if err != nil {
		return nil, err
	}
	set, err := CheckValues(t, x.Action, e.values)
	if err != nil {
		return nil, err
	}
	if e.checked[x.Table] == nil {
		e.checked[x.Table] = map[triggerlog.Action]*edited{}
	}
	e.checked[x.Table][x.Action] = set
	return set, nil
}

// CheckValues holds values against the mapped columns of a table: each must be
// one that Salesforce lets an insert or update write, and of its column's type
// and length. All that is wrong is one [*Refusal].
func CheckValues(t *mapping.Table, action triggerlog.Action, values Values) (*edited, error) {
	set := &edited{}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := checkValue(t, action, name, values[name])
		if err != nil {
			wrong = append(wrong, name+": "+err.Error())
			continue
		}
		set.columns, set.texts = append(set.columns, name), append(set.texts, text)
	}
	if len(wrong) > 0 {
		return nil, &Refusal{
			What: "These values can't be written to " + t.Name + ": " + strings.Join(wrong, "; ") + ".",
			Fix:  "Dates are written as 2026-01-31, times as 2026-01-31 14:05:00 in UTC, checkboxes as true or false.",
		}
	}
	return set, nil
}

func checkValue(t *mapping.Table, action triggerlog.Action, name string, text *string) (*string, error) {
	c := t.Column(name)
	switch {
	case c == nil:
		return nil, errors.New("there is no such mapped column")
	case action == triggerlog.Insert && !c.Createable, action == triggerlog.Update && !c.Updateable:
		return nil, errors.New("the user may not write it in Salesforce")
	case text == nil:
		return nil, nil
	}
	v, err := c.Type.ParseText(*text)
	if err == nil {
		err = c.Type.CheckLength(v)
	}
	if err != nil || v == nil {
		return nil, err
	}
	return textOf(c.Type, v), nil
}

func textOf(t record.Type, v record.Value) *string {
	s := string(t.AppendText(nil, v))
	return &s
}
