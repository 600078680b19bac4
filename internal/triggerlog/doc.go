// Package triggerlog reads and settles the trigger log: the table
// _trigger_log of a connection's schema, into which the row triggers of the
// mapped tables write every change that the application makes, and its
// archive.
//
// The log is a contract with applications (docs/database.md): any role may
// insert an entry or set a state by hand. So entries are claimed by state and
// never by a mark on the id, and nothing here trusts what an entry holds.
//
// An entry goes NEW, PENDING (claimed, with an intent in the outbox), then
// SUCCESS, MERGED, FAILED or IGNORED. It is unsettled while it is NEW or
// PENDING. Finished entries move to the archive, FAILED ones when nobody has
// retried or ignored them for a month; there too a person may have one sent
// again. The archive forgets an entry a month after it was finished, a FAILED
// one a month after it came.
package triggerlog
