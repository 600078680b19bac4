package merge

import "github.com/synclinehq/syncline/internal/record"

// Change is a local change of one column that is being planned.
type Change struct {
	Type record.Type
	// Base is the value that both sides last agreed on: the old value of the
	// first unsettled entry, or what was accepted by Salesforce since. HasBase
	// is false if the log does not tell it (an entry captured by hand).
	Base    record.Value
	HasBase bool
	// Theirs is the newest incoming value seen while the change was unsettled;
	// Seen is false if none came.
	//
	// A value that is only the echo of an earlier change of the same column
	// must have become the base by the time that a later one is planned.
	Theirs record.Value
	Seen   bool
	// Ours is the value to be sent.
	Ours record.Value
}

// Settle decides on the change of one column.
//
//	nothing seen                      send
//	theirs is what ours is            drop: the two sides are equal already
//	theirs is still the base          send
//	both changed, or base unknown     conflict: by policy
func Settle(c Change, p Policy) Verdict {
	switch {
	case !c.Seen:
		return Verdict{Action: Send}
	case c.Type.Same(c.Theirs, c.Ours):
		return Verdict{Action: Drop}
	case c.HasBase && c.Type.Same(c.Theirs, c.Base):
		return Verdict{Action: Send}
	default:
		return p.conflict()
	}
}
