package mapping

import (
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
)

// Column is one mapped column: what the record layer needs of it (its field
// path, its name, its type) and what the describe says of the field behind it.
type Column struct {
	// Column's own Field is the SOQL path; see [Column.Path].
	record.Column
	// Field describes the field that holds the value: for a relationship
	// column the external ID field of the target.
	Field *sobject.Field
	// Relationship is the relationship's name for a relationship column
	// ("Account", "Project__r"), "" for an ordinary one.
	Relationship string
	// Lookup is the reference field of the mapped object that a relationship
	// column goes through ("AccountId"), "" for an ordinary one.
	Lookup string
	// Target is the object that a lookup or relationship column points to;
	// "" if it points nowhere or to one of several objects.
	Target string
	// Createable and Updateable say whether a value may be sent with an
	// insert or an update. For a relationship column they are the lookup's.
	Createable, Updateable bool
	// Indexed columns have an index of their own; Unique implies Indexed.
	Indexed, Unique bool
}

// Path is what SOQL selects: "Name", or "Account.External_ID__c".
func (c *Column) Path() string { return c.Column.Field }

// Table is a mapping joined with its object's describe: the form that reader,
// writer, verify and schema work with. It is never changed once resolved; a
// changed describe or mapping gives a new one.
type Table struct {
	Mapping Mapping
	// Describe is the object as it was when the table was resolved.
	Describe *sobject.Object
	// Object is the API name in Salesforce's case, Name the table's name in
	// Postgres: the same in lower case, unquoted.
	Object, Name string
	Access       Access
	// Columns stand in the mapping's field order; required fields that the
	// mapping lacks come last. Layout holds the same columns in this order,
	// and the positions of Id (column sfid), SystemModstamp and IsDeleted.
	Columns []Column
	Layout  *record.Layout
	// Upsert is the position of the unique identifier, -1 if there is none.
	Upsert int
}

// Column finds a column by its name in Postgres; nil if there is none.
func (t *Table) Column(name string) *Column {
	if i := t.Layout.ByName(name); i >= 0 {
		return &t.Columns[i]
	}
	return nil
}
