package record

import "strings"

// Column is one column of a mapped table and the field it mirrors.
type Column struct {
	// Field is the path that SOQL selects: "Name", or "Account.External_ID__c"
	// for a relationship column.
	Field string
	// Name is the column's name in Postgres, unquoted.
	Name string
	Type Type
}

// Layout is the order in which the values of a record stand in a [Batch]. It
// never changes once batches use it.
type Layout struct {
	Columns []Column
	// ID, Stamp and Deleted are the positions of Id (column sfid), of the first of
	// [Stamps] and of IsDeleted; -1 where the object or the mapping lacks them.
	// ID is always there.
	ID, Stamp, Deleted int

	byName  map[string]int
	byField map[string]int
}

// Stamps are the fields by which an object's changes can be found, best first.
// LastModifiedDate misses what the system changes by itself, CreatedDate all but
// new records.
func Stamps() []string { return []string{"SystemModstamp", "LastModifiedDate", "CreatedDate"} }

// NewLayout indexes the columns. It panics if no column mirrors Id: a record
// without its Id can't be matched, and no caller can go on from that.
func NewLayout(columns []Column) *Layout {
	l := &Layout{
		Columns: columns, ID: -1, Stamp: -1, Deleted: -1,
		byName:  make(map[string]int, len(columns)),
		byField: make(map[string]int, len(columns)),
	}
	for i, c := range columns {
		l.byName[c.Name] = i
		l.byField[strings.ToLower(c.Field)] = i
		switch strings.ToLower(c.Field) {
		case "id":
			l.ID = i
		case "isdeleted":
			l.Deleted = i
		}
	}
	for _, name := range Stamps() {
		if i, ok := l.byField[strings.ToLower(name)]; ok {
			l.Stamp = i
			break
		}
	}
	if l.ID < 0 {
		panic("record: layout without Id")
	}
	return l
}

// ByName finds a column by its name in Postgres; -1 if there is none.
func (l *Layout) ByName(name string) int {
	if i, ok := l.byName[name]; ok {
		return i
	}
	return -1
}

// ByField finds a column by its field path, in any case, as Salesforce does;
// -1 if there is none.
func (l *Layout) ByField(path string) int {
	if i, ok := l.byField[path]; ok {
		return i
	}
	if i, ok := l.byField[strings.ToLower(path)]; ok {
		return i
	}
	return -1
}

// Paths are the field paths in column order: a SELECT list.
func (l *Layout) Paths() []string {
	out := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		out[i] = c.Field
	}
	return out
}
