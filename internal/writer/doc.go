// Package writer sends what the application changed to Salesforce: the half of
// a sync that reads the trigger log. What is sent and in which order is decided
// by package plan; the writer claims, sends, settles and finds out.
//
// One call goes through five steps, so that every change is sent exactly once
// (docs/INVARIANTS.md, I6), whatever dies in between:
//
//  1. Claim, one transaction in the target database: entries become PENDING
//     and their intents are stored.
//  2. The journal in the control store says "sending". It refuses a turn that
//     has been overtaken, so what has no journal can never be sent any more.
//  3. The call, not later than [outbox.SendWithin] after the claim.
//  4. The journal says "accepted", with Salesforce's answer.
//  5. Settle, one transaction in the target database: entries, intents, the
//     rows' sfid and status.
//
// Where the algorithm leaves the order free, several calls are claimed at once
// and travel in one request. Each keeps its own number, journal entry and
// settlement, so that each is found out about by itself; only a lost reply or a
// refusal of the request concerns all of them.
//
// Intents that a turn finds open are settled first, by what the journal says:
// nothing (never sent: the entries are NEW again), an answer (settled by it),
// or "sending" with no answer. Then the outcome is not known. An upsert, an
// update or a delete is made again, which has the same effect; an insert
// without a unique identifier is looked for in Salesforce, and not finding it
// means something only when it can't arrive any more ([ProbeFinal]). Until then
// the entry stays PENDING and only entries of its own record wait for it.
//
// A row that the application holds locked is settled later; nothing waits for
// it but itself.
//
// A FAILED entry holds back nothing, with one exception: entries of a row whose
// insert failed fail too, as they have no record to go to.
package writer
