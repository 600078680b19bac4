// Package judge decides by itself whether an org and the tables of a Postgres
// schema hold the same data. It is the second judge: it shares nothing with the
// product's own verification but the facts, so that a misreading of one does not
// hide in the other.
//
// Judge reads the org's state as JSON lines (one record a line), the tables as
// the plain text of COPY inside one read-only snapshot, and the configuration
// file that says which fields are mapped. Rows with unsettled entries in the
// trigger log are told as pending, rows whose newest entry failed as failed
// writes; everything else that differs is a difference.
//
// Memory: one object's mapped values at a time, plus the external ids of parents
// that relationship columns name.
package judge
