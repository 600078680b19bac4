// Package target is the only room that opens the user's database.
//
// A [DB] is a small pool on one database. Everything that Syncline does there
// goes through one of its sessions: [DB.Write] is one fenced transaction with
// the switches that Syncline's own writes need (xmlbinary, ISO dates, UTC,
// timeouts), all of them local to the transaction, so that a pooler in
// transaction mode sees nothing left behind; [DB.Read] is the same without the
// right to write. [DB.Migrate] keeps the schema _syncline, which holds what is
// ours in the user's database: fences, marks, intents, bases.
//
// A turn raises its fence ([DB.Raise]) and then names it in every Write; once
// another turn has raised a higher number, Write answers [ErrFenced] and
// nothing is committed. Each Write leaves a [CommitPair] behind, by which a
// database that went back in time is noticed ([DB.HasPair]); the owner row
// ([DB.Claim]) tells a clone.
//
// Errors are told apart by what one does about them ([Classify]) and put into
// words for people by [Words]; neither ever holds a password.
package target
