// Package schema makes the connection's schema in the user's database what
// Heroku Connect makes of it: tables, columns, indexes, triggers, functions and
// the system tables, with the same names, types and orders.
//
// [Plan] compares what is there with what the mappings ask for and lists the
// statements that are missing, each with its reason; [Apply] runs them in one
// transaction that waits for locks only briefly and tries again. Both are
// idempotent: after Apply, Plan is empty. Nothing is ever dropped or narrowed.
//
// What is written inside the functions is Syncline's own. They work under any
// search_path, build the hstore of a row once and never parse it again, and
// write ISO dates and full float digits whatever the session's settings.
//
// Names longer than 63 bytes, which Postgres would cut, are shortened by
// [Shorten].
package schema
