// Package faulttest tests the whole product under faults: the real program as
// processes of its own, a real PostgreSQL, a sandbox org over real HTTP.
//
// A site is an org, a target and a control database, and the nodes on them.
// Traffic edits both sides at once, as drawn by a seed, while something dies,
// stops, breaks off or is refused. Afterwards the site is left alone until it
// is quiet, and then judged (docs/INVARIANTS.md):
//
//   - the second judge and `syncline verify` find both sides equal;
//   - the org's log of accepted writes holds exactly one create per local
//     insert, and none that nobody made;
//   - nobody who read the tables saw a row go back to an older version;
//   - the ledger of API calls is equal to the org's own count, or above it if
//     a node died.
//
// Each test logs its seed. SYNCLINE_FAULT_SEED plays one seed,
// SYNCLINE_FAULT_SEEDS=n plays n of them (`make faults`).
//
// Life cycle of a test: newSite, node.start, site.bringUp, traffic, the fault,
// site.judge.
package faulttest
