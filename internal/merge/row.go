package merge

import "github.com/synclinehq/syncline/internal/record"

// Local is what the unsettled entries of a row amount to.
type Local uint8

// The local states of a row.
const (
	// Settled: no entry is on its way.
	Settled Local = iota
	// Inserted: the row is not in Salesforce yet, as far as is known.
	Inserted
	// Updated: changes of some columns are on their way.
	Updated
	// Deleted: the row is gone here, its delete is on its way.
	Deleted
)

// Incoming is what a record that comes in from Salesforce says.
type Incoming uint8

// The kinds of incoming record.
const (
	// Present: the record exists, with these values.
	Present Incoming = iota
	// Gone: the record has been deleted.
	Gone
)

// RowAction is what an incoming record does to a row.
type RowAction uint8

// The actions on a row.
const (
	// Merge: each column as [Out.Columns] says.
	Merge RowAction = iota + 1
	// Remove: the row goes. Unsettled changes of it cannot reach a record that
	// is no more: they end as conflicts that Salesforce won.
	Remove
	// Leave: the row stays as it is, here or gone. The incoming values are
	// remembered for the moment when the entry is planned.
	Leave
)

// String names the action for logs.
func (a RowAction) String() string {
	switch a {
	case Merge:
		return "merge"
	case Remove:
		return "remove"
	case Leave:
		return "leave"
	default:
		return "none"
	}
}

// Column is one column of a row that an incoming record meets.
type Column struct {
	Type record.Type
	// Theirs is the incoming value, Ours the one in the row now.
	Theirs, Ours record.Value
	// Dirty says that an unsettled entry changes this column.
	Dirty bool
}

// Row is an incoming record and the row that it was matched with.
type Row struct {
	Local    Local
	Incoming Incoming
	Columns  []Column
}

// ColumnAction is what becomes of one incoming value.
type ColumnAction uint8

// The actions on an incoming value.
const (
	// Apply: the row takes it.
	Apply ColumnAction = iota + 1
	// Keep: the row keeps its own value, and the incoming one is remembered as
	// seen.
	Keep
)

// Out is the decision on an incoming record.
type Out struct {
	Action RowAction
	// Columns has one action per column of the input if Action is Merge. It is
	// nil otherwise; with Leave every incoming value is to be remembered.
	Columns []ColumnAction
	// Changed says whether the row must be written at all: an incoming record
	// that says what the row holds touches nothing.
	Changed bool
}

// Decide says what an incoming record does to a row.
//
//	local      present                          gone
//	settled    merge: takes all                 remove
//	inserted   merge: keeps what was inserted   leave: the insert makes a new record
//	updated    merge: keeps dirty columns       remove
//	deleted    leave: stays deleted             leave: the two sides agree
//
// A read never overwrites a column whose local change is still on its way, and
// never brings back a row whose delete is.
func Decide(in Row) Out {
	switch {
	case in.Local == Deleted:
		return Out{Action: Leave}
	case in.Incoming == Gone && in.Local == Inserted:
		return Out{Action: Leave}
	case in.Incoming == Gone:
		return Out{Action: Remove, Changed: true}
	}
	out := Out{Action: Merge, Columns: make([]ColumnAction, len(in.Columns))}
	for i, c := range in.Columns {
		if c.Dirty {
			out.Columns[i] = Keep
			continue
		}
		out.Columns[i] = Apply
		out.Changed = out.Changed || !c.Theirs.Equal(c.Ours)
	}
	return out
}

// Seen is what has been seen of a record while an entry of its row was
// unsettled.
type Seen uint8

// What can have been seen.
const (
	// SeenNothing: no record came in.
	SeenNothing Seen = iota
	// SeenSame: it came in as both sides last agreed on it, or as our own echo.
	SeenSame
	// SeenChanged: it came in with a value that is neither.
	SeenChanged
	// SeenGone: it has been deleted in Salesforce.
	SeenGone
)

// SettleRow decides on a planned entry as a whole. For an insert or update
// with the action Send, [Settle] then decides on each of its columns.
//
//	local      nothing, same   changed              gone
//	inserted   send            send                 send: it makes a new record
//	updated    send            send (by column)     drop, a conflict that Salesforce won
//	deleted    send            conflict: by policy  drop: the two sides agree
//
// For a delete that the policy drops, TakeTheirs means that the row comes back
// with the record's values.
func SettleRow(local Local, seen Seen, p Policy) Verdict {
	switch {
	case local == Updated && seen == SeenGone:
		return Verdict{Action: Drop, Conflict: true}
	case local == Deleted && seen == SeenGone:
		return Verdict{Action: Drop}
	case local == Deleted && seen == SeenChanged:
		return p.conflict()
	default:
		return Verdict{Action: Send}
	}
}
