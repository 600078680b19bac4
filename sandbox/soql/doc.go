// Package soql parses, binds and runs SOQL queries for the sandbox org.
//
// The life of a query:
//
//	q, err := soql.Parse(text)                  // *Query, or *Error MALFORMED_QUERY
//	b, err := soql.Bind(q, binder)              // *Bound: names resolved, literals typed
//	res, err := soql.Execute(ctx, b, src, opt)  // ids in order, or computed rows
//
// A plain query ends in record ids (Result.IDs): a cursor is a snapshot of them,
// and values are read when a page is fetched, by walking Bound.Columns with Read
// and Children. COUNT() ends in Result.Count, aggregates in Result.Rows.
//
// The store implements Source and Row. Execute picks an access path (id, indexed
// field, stamp order, id order, scan) and needs of the source only that what it
// yields is a superset of the rows that match: every condition is checked again.
package soql
