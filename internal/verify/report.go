package verify

import (
	"time"

	"github.com/google/uuid"
)

// Report is what a verification found.
type Report struct {
	Mappings []MappingReport `json:"mappings"`
	// Places are those of the proofs, in the order of Mappings.
	Places []*Place `json:"-"`
	// Calls are the API calls that were made for it.
	Calls int64 `json:"calls"`
	// Took is how long it lasted.
	Took time.Duration `json:"took"`
}

// Differences is the number of rows that differ without a known reason.
func (r *Report) Differences() int64 {
	var n int64
	for i := range r.Mappings {
		n += r.Mappings[i].Differences.Sum()
	}
	return n
}

// Duplicates is the number of unique identifiers that occur more than once.
func (r *Report) Duplicates() int64 {
	var n int64
	for i := range r.Mappings {
		n += r.Mappings[i].Duplicates
	}
	return n
}

// Equal says that there is no difference and no duplicate. Pending changes and
// failed writes may be left.
func (r *Report) Equal() bool { return r.Differences() == 0 && r.Duplicates() == 0 }

// MappingReport is what was found in one mapping. Counts are rows.
type MappingReport struct {
	Mapping uuid.UUID `json:"mapping"`
	Object  string    `json:"object"`
	Table   string    `json:"table"`
	// Proof is what was done. Days are those that a quick proof found to differ
	// and compared row by row; the rows of the others count as equal.
	Proof          Proof    `json:"proof"`
	Days           []string `json:"days,omitempty"`
	RowsSalesforce int64    `json:"rows_salesforce"`
	// RowsPostgres counts rows without an Id too.
	RowsPostgres int64 `json:"rows_postgres"`
	Equal        int64 `json:"equal"`
	Pending      int64 `json:"pending"`
	FailedWrites int64 `json:"failed_writes"`

	Differences Differences `json:"differences"`
	// Unconfirmed of the differences were too many to be looked at again.
	Unconfirmed int64 `json:"unconfirmed,omitempty"`
	// Duplicates are unique identifiers that several records or rows share.
	Duplicates int64 `json:"duplicates"`
	// Samples are the first differences and duplicates.
	Samples []Sample `json:"samples"`
}

// Differences are rows that differ, by how.
type Differences struct {
	// MissingInPostgres are records that no row stands for.
	MissingInPostgres int64 `json:"missing_in_postgres"`
	// MissingInSalesforce are rows that no record stands for, those among them
	// that never got an Id.
	MissingInSalesforce int64 `json:"missing_in_salesforce"`
	// Different are pairs with a value that differs.
	Different int64 `json:"different"`
}

// Sum is their number.
func (d Differences) Sum() int64 { return d.MissingInPostgres + d.MissingInSalesforce + d.Different }

// Kind says what a sample shows.
type Kind string

// The kinds of sample. A row that was never sent has no Id and counts as
// missing in Salesforce.
const (
	MissingInPostgres   Kind = "missing_in_postgres"
	MissingInSalesforce Kind = "missing_in_salesforce"
	NeverSent           Kind = "never_sent"
	Different           Kind = "different"
	Duplicate           Kind = "duplicate"
)

// Sample is one difference or duplicate.
type Sample struct {
	Kind Kind `json:"kind"`
	// Sfid is the record's Id, "" if the row has none; ID the row's, 0 if there
	// is no row.
	Sfid string `json:"sfid,omitempty"`
	ID   int32  `json:"id,omitempty"`
	// Cause is a guess at why it differs.
	Cause Cause `json:"cause,omitempty"`
	// Fields differ. For a duplicate it is the unique identifier, with its
	// value on the side where it occurs more than once.
	Fields []FieldDifference `json:"fields,omitempty"`
}

// FieldDifference is one field with its values as text; nil is NULL.
type FieldDifference struct {
	Field      string  `json:"field"`
	Salesforce *string `json:"salesforce"`
	Postgres   *string `json:"postgres"`
}

// Cause is a guess at why a row differs.
type Cause string

// The causes. A row whose write is on its way or was refused is no difference,
// so they are not among them.
const (
	Unknown Cause = "unknown"
	// Unread records changed after the moment up to which the mapping was read.
	Unread Cause = "unread"
	// Deferred records wait to be read again.
	Deferred Cause = "deferred"
	// ReadError records were refused by the database.
	ReadError Cause = "read_error"
	// Filter: the record is there, and does not match the mapping's filter.
	Filter Cause = "filter"
	// Formula: only columns differ whose change moves no SystemModstamp.
	Formula Cause = "formula"
	// Local rows were never captured for sending.
	Local Cause = "local"
)
