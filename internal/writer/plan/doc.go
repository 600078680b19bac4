// Package plan decides what of the trigger log goes to Salesforce and how:
// entries, rows and bases in, change sets out. It is pure: it neither reads
// nor writes anything, so the writer can plan inside the transaction that
// claims the entries.
//
// Entries are untrusted input. One that names no mapped table, is no hstore,
// or holds a value that is not of its column's type ends as FAILED with the
// reason; nothing is guessed. Keys that are no mapped columns are passed over,
// since people add columns to their tables. Mapped columns that Salesforce
// does not let us write (formulas, auto-numbers, audit fields) are left out of
// what is sent, and the record is read again, so that the row returns to what
// Salesforce holds.
//
// [Ordered] is Heroku Connect's algorithm of that name: the order of the log
// is kept, each entry is an operation of its own, and a change set is a run of
// entries of one table and one operation on different records. [Dependency]
// keeps the order only where entries touch each other and plans several change
// sets at once. [Merged] folds the changes of one record into one.
package plan
