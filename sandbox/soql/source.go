package soql

import (
	"iter"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Row is one record as a query sees it. A Row keeps one state of the record: an
// update makes a new Row.
type Row interface {
	// Object is the record's own object (it differs between the parents of a
	// polymorphic lookup).
	Object() *schema.Object
	// ID is the 18-character id.
	ID() string
	// Deleted reports whether the record is in the recycle bin, Archived whether
	// it is an activity that has been archived. Only queries for all rows show
	// either.
	Deleted() bool
	Archived() bool
	// Value is the stored value under a slot; Null for a slot without one, for
	// formulas and for compound fields.
	Value(slot int) schema.Value
}

// Source is the view of the records that one query runs over: committed records
// that its user may see, those in the recycle bin included. Iterators may yield
// more than asked, never less.
type Source interface {
	// Scan yields every record of an object, in any order.
	Scan(o *schema.Object) iter.Seq[Row]
	// ByID finds one record by its 18-character id.
	ByID(o *schema.Object, id string) (Row, bool)
	// Find finds a record of any object by its 18-character id (the parent of a
	// polymorphic lookup).
	Find(id string) (Row, bool)
	// Indexed reports whether ByValue works for the field: external ids, unique
	// fields, lookups.
	Indexed(o *schema.Object, f *schema.Field) bool
	// ByValue yields the records whose field equals v (text without regard to
	// case unless the field is case-sensitive).
	ByValue(o *schema.Object, f *schema.Field, v schema.Value) iter.Seq[Row]
	// ByStamp yields the records with SystemModstamp >= from (unix seconds) in
	// ascending order of (SystemModstamp, Id).
	ByStamp(o *schema.Object, from int64) iter.Seq[Row]
	// ByIDFrom yields the records with Id >= from in ascending order of Id, byte
	// by byte; "" starts at the first.
	ByIDFrom(o *schema.Object, from string) iter.Seq[Row]
}
