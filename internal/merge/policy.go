package merge

// Policy says who wins a conflict. The values are those of the mapping's
// policy; any other value, "" among them, acts as LastWriter.
type Policy string

// The policies. No clocks are compared.
const (
	// LastWriter: what is processed last wins, as with Heroku Connect. At the
	// moment of planning that is the write.
	LastWriter Policy = "last_writer"
	// Salesforce: the incoming value wins, the local change is dropped.
	Salesforce Policy = "salesforce"
	// Postgres: the local change wins and is sent.
	Postgres Policy = "postgres"
)

// Action is what becomes of a planned change.
type Action uint8

// The actions on a planned change.
const (
	// Send: the change goes to Salesforce.
	Send Action = iota + 1
	// Drop: the change is not sent, and nothing is written to the row.
	Drop
	// TakeTheirs: the change is not sent, and the row takes what Salesforce
	// has: the incoming value, or for a dropped delete the whole record.
	TakeTheirs
)

// Verdict is the decision on a planned change.
type Verdict struct {
	Action Action
	// Conflict says that both sides changed since they last agreed, and so
	// that the decision must be logged with base, both values and the winner.
	Conflict bool
}

// conflict settles one by policy.
func (p Policy) conflict() Verdict {
	if p == Salesforce {
		return Verdict{Action: TakeTheirs, Conflict: true}
	}
	return Verdict{Action: Send, Conflict: true}
}

// String names the action for logs.
func (a Action) String() string {
	switch a {
	case Send:
		return "send"
	case Drop:
		return "drop"
	case TakeTheirs:
		return "take theirs"
	default:
		return "none"
	}
}
