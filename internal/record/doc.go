// Package record is the one form that a row takes inside Syncline, whichever
// side it came from and however it travelled.
//
// A [Value] is the binary image that Postgres itself uses for the column's
// type, in normal form, so that two values are equal exactly when their bytes
// are, and a [Batch] is at the same time the payload of a binary COPY.
//
// The sub-packages translate one wire form each: restjson (REST and composite
// replies and request bodies), bulkcsv (Bulk API 2.0), avrorec (change events)
// and hstoretext (the trigger log). A value must come out the same from all of
// them; one table of cases, shared by their tests, holds them to it.
package record
