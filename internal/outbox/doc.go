// Package outbox keeps what the two halves must know of local changes that
// are on their way to Salesforce: intents (what is about to be sent, committed
// before it is), bases (the value of a column that both sides last agreed on)
// and the log of conflicts. All of it lives in schema _syncline of the target
// database and changes in the transactions that claim, apply and settle.
//
// An intent is open from the claim until its outcome is settled. One whose
// outcome can't be known is unknown until it is found out or a person
// answers. A sent one is kept as settled for a while, so that a page that was
// asked for before the write was accepted does not overwrite it (I4, I5 in
// docs/INVARIANTS.md); a failed or withdrawn one is deleted.
package outbox
