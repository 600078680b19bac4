// Package engine runs the work of all connections, shared by any number of
// nodes on one control database.
//
// Work is cut into turns: a bounded slice of one [Kind] of work for one
// connection ([KindRead], [KindWrite], [KindTend]) or one mapping
// ([KindLoad]). Each line of turns ([Key]) is one perpetual job, so that two
// nodes never run it at once on purpose; where they do for a moment (a node
// that was thought dead comes back), the fence that each turn raises at its
// start keeps both databases right. What a turn does is a [Handler], given by
// the wiring; the engine knows when, where and under which fence.
//
// A [Session] is what a node keeps open for a connection: its database and its
// org. Trouble with either becomes a condition of the connection or mapping,
// in words, and a wait; it is never an error of the queue.
//
// On every node:
//
//   - the heartbeat says that the node lives; a node that cannot say so for
//     [Settings].TTL cancels its turns, since others take them over;
//   - the guardian compares the turns that should be with those that are, makes
//     what is missing, and replaces what a dead node held;
//   - the wake listener hears on the control database that a turn is due now;
//   - listeners, one owner each by lease, hear of new trigger log entries and
//     wake the writer. They keep hints only: without them work is found by
//     polling.
//
// Life cycle: [New], [Engine.Start], [Engine.Stop].
package engine
