// Package hstoretext reads and writes the text form of hstore, in which the
// trigger log keeps its columns old and values.
//
// The log is untrusted input: any role may insert an entry. [Parse] accepts
// exactly what Postgres itself accepts as an hstore and gives the pairs that
// Postgres would keep; a test holds it to a real server.
package hstoretext
