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
//
// # Dialect
//
// SELECT takes fields, paths of up to five parents, aliases, one level of child
// sub-queries, FIELDS(ALL|STANDARD|CUSTOM), toLabel, FORMAT and convertCurrency
// (the value stays as it is), COUNT(), COUNT, COUNT_DISTINCT, MIN, MAX, SUM, AVG
// and the date functions (CALENDAR_YEAR, DAY_ONLY …). FROM takes an alias and
// USING SCOPE, which changes nothing. WHERE takes = != < <= > >= LIKE, IN and NOT
// IN with lists and sub-queries, INCLUDES, EXCLUDES, AND, OR, NOT and all date
// literals; AND and OR are not mixed without parentheses. After it come WITH
// SECURITY_ENFORCED (or USER_MODE, SYSTEM_MODE), GROUP BY, HAVING, ORDER BY with
// NULLS FIRST or LAST, LIMIT, OFFSET up to 2000, FOR VIEW, REFERENCE or UPDATE,
// and ALL ROWS.
//
// Logic is two-valued: a comparison with null is false, so != and NOT IN find
// nulls. Text compares without regard to case unless the field is case-sensitive,
// ids byte by byte in their 18-character form. The empty string is null, and null
// sorts first. Weeks start on Sunday and the fiscal year is the calendar year.
//
// Not supported: TYPEOF (parsed, refused when bound), GROUP BY ROLLUP and CUBE,
// DISTANCE, several objects in FROM, data categories, bind variables.
package soql
