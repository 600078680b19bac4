package bulk

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// chunkRows is how many rows one transaction takes.
const chunkRows = 200

// nullWord sets a field to null; an empty cell leaves it alone.
const nullWord = "#N/A"

// The sizes of an upload's rows.
const (
	defaultFieldChars = 131_072
	maxRowChars       = 400_000
	maxColumns        = 5_000
)

// saver saves the rows of one ingest job.
type saver struct {
	js    *Jobs
	job   *Job
	obj   *schema.Object
	fault Fault
	cols  []target
	// id and key are the columns of the Id and of the external id, -1 if the
	// upload lacks them.
	id, key  int
	keyField *schema.Field
}

// target is where a column's values go: a field, or a parent's external id.
type target struct {
	field  *schema.Field
	parent string // relationship name
	typ    string // of a polymorphic parent, "" if not said
	key    string
	column int
}

// columns resolves the header.
func (s *saver) columns() error {
	s.id, s.key = -1, -1
	if n := len(s.job.ingest.header); n > maxColumns {
		return fmt.Errorf("The records have %d fields, more than %d", n, maxColumns)
	}
	if s.job.operation == "upsert" {
		s.keyField, _ = s.obj.Field(s.job.ingest.keyField)
	}
	for i, name := range s.job.ingest.header {
		name = strings.TrimSpace(name)
		t, err := s.target(name)
		if err != nil {
			return err
		}
		t.column = i
		switch {
		case t.field != nil && t.field.Type == schema.TypeID:
			s.id = i
			if s.keyField != nil && s.keyField.Type == schema.TypeID {
				s.key = i
			}
		case t.field != nil && t.field == s.keyField:
			s.key = i
		default:
			s.cols = append(s.cols, t)
		}
	}
	return s.complete()
}

func (s *saver) complete() error {
	switch s.job.operation {
	case "update", "delete", "hardDelete":
		if s.id < 0 {
			return fmt.Errorf("Field name not found : Id")
		}
	case "upsert":
		if s.key < 0 {
			return fmt.Errorf("Field name not found : %s", s.job.ingest.keyField)
		}
	}
	if strings.HasSuffix(strings.ToLower(s.job.operation), "delete") && len(s.cols) > 0 {
		return fmt.Errorf("Records not processed: a delete takes the column Id alone")
	}
	return nil
}

// target resolves a column name: Field, Relationship.ExtId or
// Object:Relationship.ExtId.
func (s *saver) target(name string) (target, error) {
	bad := fmt.Errorf("Field name not found : %s", name)
	if f, ok := s.obj.Field(name); ok && s.job.actor.CanSee(s.obj, f) {
		return target{field: f}, nil
	}
	hop, key, ok := strings.Cut(name, ".")
	if !ok {
		return target{}, bad
	}
	typ, hop2, typed := strings.Cut(hop, ":")
	if typed {
		hop = hop2
	} else {
		typ = ""
	}
	f, ok := s.obj.Parent(hop)
	if !ok || !s.job.actor.CanSee(s.obj, f) {
		return target{}, bad
	}
	parents := f.ReferenceTo
	if typed {
		parents = []string{typ}
	}
	for _, p := range parents {
		if obj, ok := s.js.org.Catalog.Object(p); ok {
			if pf, ok := obj.Field(key); ok && s.job.actor.CanSee(obj, pf) {
				return target{parent: f.RelationshipName, typ: obj.Name, key: pf.Name}, nil
			}
		}
	}
	return target{}, bad
}

// run saves all rows, chunk by chunk, until the job is ended from outside or
// by a fault. Rows that an earlier run has saved are passed over.
func (s *saver) run() {
	rows := s.job.ingest.outcomes
	for from := saved(rows); from < len(rows); from += chunkRows {
		to := min(from+chunkRows, len(rows))
		if s.fault.Fail != "" && to > s.fault.After {
			to = max(s.fault.After, from)
		}
		going := true
		s.js.update(func() { going = s.job.state == InProgress })
		if !going {
			return
		}
		s.settle(rows[from:to], from)
		if s.fault.Fail != "" && to >= s.fault.After {
			break
		}
	}
	if s.fault.Fail != "" {
		s.js.fail(s.job, s.fault.Fail)
	}
}

func saved(rows []outcome) int {
	n := 0
	for n < len(rows) && rows[n].done {
		n++
	}
	return n
}

// settle saves a chunk and notes what became of its rows, in one go as far as
// Still can see.
func (s *saver) settle(rows []outcome, from int) {
	s.js.gate.RLock()
	defer s.js.gate.RUnlock()
	done := s.chunk(from, from+len(rows))
	s.js.update(func() {
		copy(rows, done)
		s.job.changed = true
		for i := range done {
			s.job.processed++
			if done[i].err != nil {
				s.job.failed++
			}
		}
	})
}

// chunk saves rows in one transaction; each fails alone. It gives the rows
// with their outcomes.
func (s *saver) chunk(from, to int) []outcome {
	out := append([]outcome(nil), s.job.ingest.outcomes[from:to]...)
	tx := s.js.org.Begin(s.job.actor)
	defer tx.Rollback()
	count := s.repeats(out)
	for i := range out {
		o := &out[i]
		o.done = true
		err := s.fault.row(from + i)
		if err == nil {
			err = s.row(tx, o, count)
		}
		o.err = rowError(err)
	}
	if err := tx.Commit(); err != nil {
		for i := range out {
			if out[i].err == nil {
				out[i].err = rowError(err)
			}
		}
	}
	return out
}

// repeats counts the keys of a chunk, so that rows of one key can be refused.
func (s *saver) repeats(rows []outcome) map[string]int {
	column := s.id
	if s.job.operation == "upsert" {
		column = s.key
	}
	count := map[string]int{}
	if column < 0 || s.job.operation == "insert" {
		return count
	}
	for i := range rows {
		count[strings.ToLower(strings.TrimSpace(cell(rows[i].values, column)))]++
	}
	return count
}

func (s *saver) repeated(count map[string]int, key string) bool {
	return key != "" && count[strings.ToLower(key)] > 1
}

func cell(values []string, i int) string {
	if i < 0 || i >= len(values) {
		return ""
	}
	return values[i]
}

// row saves one row in the chunk's transaction.
func (s *saver) row(tx *org.Tx, o *outcome, count map[string]int) (err error) {
	if len(o.values) > len(s.job.ingest.header) {
		return &org.RowError{Code: "INVALID_INPUT", Message: fmt.Sprintf(
			"row has %d columns, the header has %d", len(o.values), len(s.job.ingest.header))}
	}
	body, err := s.body(o.values)
	if err != nil {
		return err
	}
	switch s.job.operation {
	case "insert":
		o.id, err = tx.Insert(s.obj, body)
		o.created = err == nil
		return err
	case "upsert":
		return s.upsert(tx, o, body, count)
	}
	if o.id, err = s.recordID(cell(o.values, s.id)); err != nil {
		return err
	}
	if s.repeated(count, strings.TrimSpace(cell(o.values, s.id))) {
		return &org.RowError{Code: "DUPLICATE_VALUE", Message: "Duplicate id specified: " + o.id, Fields: []string{"Id"}}
	}
	switch s.job.operation {
	case "update":
		return tx.Update(s.obj, o.id, body)
	case "delete":
		return tx.Delete(s.obj, o.id)
	default:
		return tx.Purge(s.obj, o.id)
	}
}

func (s *saver) upsert(tx *org.Tx, o *outcome, body org.Body, count map[string]int) (err error) {
	key := strings.TrimSpace(cell(o.values, s.key))
	if s.repeated(count, key) {
		return &org.RowError{Code: "DUPLICATE_VALUE", Message: "Duplicate external id specified: " + key, Fields: []string{s.keyField.Name}}
	}
	if key == "" && s.keyField.Type == schema.TypeID {
		o.id, err = tx.Insert(s.obj, body)
		o.created = err == nil
		return err
	}
	if key == "" || key == nullWord {
		return &org.RowError{Code: "MISSING_ARGUMENT", Message: s.keyField.Name + " not specified", Fields: []string{s.keyField.Name}}
	}
	o.id, o.created, err = tx.Upsert(s.obj, s.keyField, key, body)
	o.created = o.created && err == nil
	return err
}

func (s *saver) recordID(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", &org.RowError{Code: "MISSING_ARGUMENT", Message: "Id not specified in an update call", Fields: []string{"Id"}}
	}
	id, ok := org.NormalizeID(text)
	if !ok || s.obj.KeyPrefix != "" && !strings.HasPrefix(id, s.obj.KeyPrefix) {
		return "", &org.RowError{Code: "MALFORMED_ID", Message: s.obj.Label + " ID: id value of incorrect type: " + text, Fields: []string{"Id"}}
	}
	return id, nil
}

// body is a row as the save pipeline wants it: cells that are empty are left
// out, #N/A becomes null.
func (s *saver) body(values []string) (org.Body, error) {
	limit := s.js.org.Switches().Bulk.FieldChars
	if limit == 0 {
		limit = defaultFieldChars
	}
	if chars(values) > maxRowChars {
		return nil, &org.RowError{Code: "STRING_TOO_LONG", Message: fmt.Sprintf("the record is longer than %d characters", maxRowChars)}
	}
	body := make(org.Body, 0, len(s.cols))
	for i := range s.cols {
		t := &s.cols[i]
		text := cell(values, t.column)
		if text == "" {
			continue
		}
		if len(text) > limit && len([]rune(text)) > limit {
			return nil, &org.RowError{Code: "STRING_TOO_LONG", Message: fmt.Sprintf("value of column %d is longer than %d characters", t.column+1, limit)}
		}
		body = append(body, t.input(text))
	}
	return body, nil
}

// chars is how long a row is, exactly so once it may be too long.
func chars(values []string) int {
	bytes, runes := 0, 0
	for _, v := range values {
		bytes += len(v)
	}
	if bytes <= maxRowChars {
		return bytes
	}
	for _, v := range values {
		runes += utf8.RuneCountInString(v)
	}
	return runes
}

func (t *target) input(text string) org.Input {
	var raw any = text
	if text == nullWord {
		raw = nil
	}
	if t.field == nil {
		if raw != nil {
			raw = org.Body{{Name: "attributes", Raw: org.Body{{Name: "type", Raw: t.typ}}}, {Name: t.key, Raw: text}}
		}
		return org.Input{Name: t.parent, Raw: raw}
	}
	if t.field.Type == schema.TypeBoolean {
		switch text {
		case "1":
			raw = true
		case "0":
			raw = false
		}
	}
	return org.Input{Name: t.field.Name, Raw: raw}
}

// rowError puts any error into the words of a result.
func rowError(err error) *org.RowError {
	if err == nil {
		return nil
	}
	if be, ok := errors.AsType[*org.BodyError](err); ok {
		return &org.RowError{Code: "INVALID_TYPE_ON_FIELD_IN_RECORD", Fields: []string{be.Field.Name}, Message: fmt.Sprintf(
			"%s: value not of required type: %s", be.Field.Label, be.Value)}
	}
	if amb, ok := errors.AsType[*org.Ambiguous](err); ok {
		return &org.RowError{Code: "DUPLICATE_EXTERNAL_ID", Message: "external id matched more than one record: " + strings.Join(amb.IDs, ", ")}
	}
	if re, ok := errors.AsType[*org.RowError](err); ok {
		return re
	}
	return &org.RowError{Code: "UNKNOWN_EXCEPTION", Message: err.Error()}
}
