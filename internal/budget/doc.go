// Package budget counts the API calls that Syncline makes, per connection, by
// mapping, kind and purpose.
//
// A [Ledger] counts in memory, so that a charge costs nanoseconds, and hands
// its counts to a [Sink] (the control store) once a second, in one statement.
// Each flush has a number, and one whose outcome is not known is handed over
// again: the sink takes each number once.
//
// So that a kill takes nothing from the count, a client asks for leave before
// each call ([Ledger.Begin]): the ledger reserves calls in blocks beyond those
// that are stored, and renews the reservation with each flush. A block whose
// ledger is silent for longer than [Orphaned] counts as spent, and one that is
// not used is given back. With kills the stored count is then never below the
// org's, and at most one block per ledger that died above it.
//
// # The governor
//
// A [Governor] stands before each call and asks how the org's calls of the last
// 24 hours stand ([Standing]), over all connections to it and all nodes. Within
// [Limits], a daily ceiling and a reserve for the org's other applications, it
// lets all through; from four fifths of them on polls are to be slowed
// ([Standing.Stretch]), further up loads and proofs wait, then polls, and the
// last twentieth is for writes.
package budget
