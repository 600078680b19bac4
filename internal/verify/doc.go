// Package verify proves that a mapped table and its Salesforce object hold the
// same, or says where they do not. It trusts no mark, no stamp and no log for
// that: [Run] reads every record and every row.
//
// Both sides are read in the order of Ids, side by side, and compared value by
// value in the form that Salesforce keeps ([record.Type.SameForVerify]). What
// differs is looked at again by Id, on both sides, after a short wait, up to
// [Options].Rounds times: two sides that are at work are never equal at one
// moment. What still differs then is
//
//   - pending, if a change of the row is on its way (a NEW or PENDING entry of
//     the trigger log, or an open intent);
//   - a failed write, if Salesforce refused the newest change of the row;
//   - else a difference.
//
// A unique identifier that two records or two rows share is a duplicate.
//
// Memory does not grow with the number of rows, only with that of differences,
// up to [Options].Recheck.
package verify
