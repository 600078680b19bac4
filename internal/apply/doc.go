// Package apply puts records that came from Salesforce into their table. It is
// the one path for that, whoever read them: load, poll, repair.
//
// One call applies one batch inside a transaction of the caller, which then
// stores the mark and commits; so data and mark go together (I8 in
// docs/INVARIANTS.md). The order is what keeps local changes safe:
//
//  1. match the records to rows, by sfid and then by the unique identifier,
//     and lock the rows; a row that the application holds is left for later;
//  2. in a new statement, so that it sees what was committed before the lock,
//     look up the unsettled log entries, open intents and bases;
//  3. rows without any take one guarded update or insert, an unchanged row is
//     not touched; rows with some keep the columns whose change is on its way.
//
// (In one merging statement with a lock wait, Postgres would re-read the row
// but not the log, and the application's edit would be overwritten.)
//
// Records left out are stored in _syncline.deferred and read again by Id.
package apply
