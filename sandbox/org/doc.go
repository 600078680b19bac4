// Package org is the state of a sandbox org: records, transactions, indexes,
// the recycle bin, query cursors, quotas and the log of accepted writes. It
// knows nothing of HTTP; package rest is its face.
//
// # Main types
//
// An [Org] holds one table per object of its schema.Catalog. All writing goes
// through a [Tx]: rows are checked by the save pipeline and staged, take their
// whole-second SystemModstamp at that moment, and become visible to readers
// together when the transaction commits. Readers only ever see committed rows,
// so a transaction that stays open for a while shows up late with an old
// stamp, as in a real org.
//
// # Life cycle
//
// [New] makes an empty org with its users; Seed fills objects; an Org lives as
// long as somebody holds it and needs no closing.
//
// # Locking
//
// One read-write lock guards all tables. Readers hold it for one query or one
// page; a transaction holds it while a row is checked and while it commits,
// never while it waits. Rows that an open transaction has staged are locked
// against other transactions by name, not by the lock.
package org
