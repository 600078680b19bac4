// Package store is the control store: what Syncline knows and decides that is
// not a row of the user's, kept in PostgreSQL in a schema of its own, [Schema].
//
// [Open] migrates the schema (River's tables and ours) and gives a [Store];
// [Store.Close] ends it. Any number of nodes may open the same one. Every
// statement is a method of [Queries]; a Store has them as single transactions
// and a [Tx], made by [Store.InTx], has the same ones inside one. A few that
// must commit before they return exist on Store alone.
//
// Times are those of the control database's clock, since the clocks of nodes
// differ. Secrets are sealed with the key ring of package secret; the store
// gives them out as [secret.Text] and never in an error.
//
// A thing that isn't there is [ErrNotFound], one that would be there twice is
// [ErrConflict], and a turn that was overtaken gets [ErrFenced].
package store
