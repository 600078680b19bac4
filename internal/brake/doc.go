// Package brake holds what would delete a great part of a mapping until a
// person has looked at it, in either direction: a lost permission, another
// user and an emptied org all look like everything deleted.
//
// A run that wants to delete asks [Brake.Check], inside the transaction that
// would delete. More deletions than both [Limits] are held, and after a change
// of user, permission or filter any deletion is ([Run].Strict). What is held is
// one [Hold] per mapping and direction, whose count follows the run's; it ends
// by a person's [Brake.Release] or [Brake.Discard], or lapses when a run finds
// nothing to delete any more.
//
// Released: the next runs may delete, up to a little more than what the person
// saw, until one of them calls [Brake.Spend] or a day has passed. Discarded: the
// rows stay; runs that find no more than that are told so and open no new hold.
//
// Holds live in _syncline.hold of the target database, so that they commit
// with what they are about. A [Brake] keeps no state and is safe for concurrent
// use.
package brake
