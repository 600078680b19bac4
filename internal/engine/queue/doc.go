// Package queue runs turns as River jobs. It is the one package that knows
// River: the rest of the engine sees a [Job] (what to run), a [Func] (how) and
// an [Outcome] (when again).
//
// A job is perpetual: it ends in a snooze and never in success, until its
// [Func] says that it is done. Jobs are unique by all that they name, so a job
// of a newer generation can be inserted while the row of the older one still
// says "running" on a node that has died. River never rescues a job here and
// sets no time limit: liveness is the node's heartbeat, which the engine
// watches.
//
// Life cycle: [New], [Client.Start], [Client.Stop]. The tables must exist; the
// control store makes them.
package queue
