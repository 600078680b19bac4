// Package verify proves that a mapped table and its Salesforce object hold the
// same, or says where they do not.
//
// A [Full] proof trusts no mark, no stamp and no log: it reads every record and
// every row. Records come through a Bulk job, several pages at once, or by
// queries where there are few; each chunk is looked up in the table by Id and
// compared value by value in the form that Salesforce keeps
// ([record.Type.SameForVerify]). A bit for each row says that its record came;
// at the end the rows without one stand for no record. A [Quick] proof counts
// by day on both sides, and compares row by row only the days that differ and
// the newest.
//
// What differs is looked at again by Id, on both sides, after a wait, up to
// [Options].Rounds times: two sides that are at work are never equal at one
// moment. What still differs then is
//
//   - pending, if a change of the row is on its way (a NEW or PENDING entry of
//     the trigger log, or an open intent);
//   - a failed write, if Salesforce refused the newest change of the row;
//   - else a difference, with a guess at its cause.
//
// A unique identifier that two records or two rows share is a duplicate.
//
// [Run] does whole proofs. Underneath, a proof is a [Place] that [Begin] makes
// and [Go] moves on; it can be kept between slices of the work, and a [Prover]
// does that in the background. [Note] writes what was found into the drift log
// (_syncline.drift) and the outcome beside it (_syncline.proof); [Repair] takes
// one side's word for what is open there. Nothing here writes into a mapped
// table: a repair leaves that to reader and writer.
//
// Memory does not grow with the number of rows but for that bit, only with that
// of differences, up to [Options].Recheck.
package verify
