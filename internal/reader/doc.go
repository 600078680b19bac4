// Package reader brings what is in Salesforce into the mapped tables: the
// first load of a mapping, and from then on its changes by polling.
//
// How far a mapping has been read is its [Mark]. It lives in schema _syncline
// of the target database and changes in the transaction that applies the rows
// (I8 in docs/INVARIANTS.md), so a turn that ends anywhere, by its own wish or
// by a kill, is continued by whoever comes next, with nothing skipped. Rows
// that are read twice cost nothing: package apply writes only what differs.
//
// # Load
//
// [Reader.Load] reads a small object in the order of Ids, page by page, each
// page in one transaction with the mark. A large one ([Settings].BulkFrom) comes
// through a Bulk job: several pages at once, streamed into chunks, each chunk in
// one transaction with the mark, which holds the job, the pages that are open
// and the rows of them that are done. Where Bulk refuses, queries follow. When
// the load is through, polling begins with everything that was changed since
// the moment before the first request.
//
// # Poll
//
// [Reader.Poll] reads, for each mapping that is due, what SystemModstamp says
// has changed since the mark, in the order of (SystemModstamp, Id), deleted
// records included. The window has no upper end: the org fixes the set of
// records when the query starts, and the mark moves to that moment, by the
// org's clock, once the last page is applied. It overlaps the one before by
// [Settings].Overlap, since a stamp is older than the moment at which others
// see the record; and every [Settings].SweepEvery by [Settings].SweepOverlap,
// which is longer than a transaction of Salesforce can last.
//
// A window that is too long for one turn keeps its place in the mark.
//
// Records that could not be applied wait and are read again by Id at the start
// of a later poll: in _syncline.deferred, if the application holds the row or a
// write of ours is on its way; in _syncline.read_error, if the database refuses
// them.
//
// The first pages of several mappings travel in one call.
//
// # Reconcile
//
// [Reader.Reconcile] finds what no poll can tell of: it compares all Ids of a
// mapping with its rows, every [Settings].ReconcileEvery, in ranges, and keeps its
// place in _syncline.reconcile. A row without record is noted in
// _syncline.missing, looked for a second time, and then removed, unless it was
// written meanwhile. Rows that have left the mapping's filter come there by
// the poll, and mass deletions of any origin: package brake holds those until a
// person has decided.
//
// A [Reader] keeps no state of its own and is safe for concurrent use.
package reader
