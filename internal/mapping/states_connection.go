package mapping

import "time"

// ConnectionActivity is what the turns of a connection are doing now.
type ConnectionActivity string

// The activities of a connection. The writer reports Sending as long as it has
// a request in hand, else Quiet.
const (
	Quiet      ConnectionActivity = ""
	Sending    ConnectionActivity = "sending"
	Importing  ConnectionActivity = "importing"
	Recovering ConnectionActivity = "recovering"
)

// busyAfter is the age of the oldest unsent entry from which on a connection
// shows that it is polling the database. Below it the state would flicker with
// every single change.
const busyAfter = 2 * time.Second

// ConnectionFacts are what a connection's state is derived from.
type ConnectionFacts struct {
	Status   Status
	Activity ConnectionActivity
	// OldestUnsent is the age of the oldest entry that is neither sent nor
	// settled, 0 if there is none. Entries whose outcome is unknown don't
	// count: they wait for a person.
	OldestUnsent time.Duration
}

// ConnectionState derives the state that Heroku Connect would show.
func ConnectionState(f ConnectionFacts) State { return derive(connectionRules, f) }

func connectionCondition(conditions ...Condition) func(ConnectionFacts) bool {
	return func(f ConnectionFacts) bool {
		for _, c := range conditions {
			if f.Status.Condition == c {
				return true
			}
		}
		return false
	}
}

func connectionStage(s Stage) func(ConnectionFacts) bool {
	return func(f ConnectionFacts) bool { return f.Status.Stage == s }
}

func connectionActivity(a ConnectionActivity) func(ConnectionFacts) bool {
	return func(f ConnectionFacts) bool { return f.Activity == a }
}

// The order is the meaning. What is not set up can be in no other state; an
// import or a recovery is shown while it runs; an error is shown even of a
// paused connection, since resuming would not help; a pause is shown once
// nothing is in flight any more. Trouble on Salesforce's side that passes by
// itself (SFUnavailable) changes no state: the connection waits and tries
// again.
var connectionRules = []rule[ConnectionFacts]{
	{connectionStage(StageNew), State{
		Value: "NEW", Label: "New", Class: Temporary,
		Meaning: "The connection has no database and schema yet.",
		Remedy:  "Configure the database and the schema.",
	}},
	{connectionStage(StageConfigured), State{
		Value: "NEED_AUTHENTICATION", Label: "Authorization needed", Class: Temporary,
		Meaning: "The connection is not authorised with a Salesforce org yet.",
		Remedy:  "Authorise it.",
	}},
	{connectionActivity(Importing), State{
		Value: "IMPORT_CONFIGURATION", Label: "Importing config", Class: Temporary,
		Meaning: "A configuration file is being imported.",
	}},
	{connectionActivity(Recovering), State{
		Value: "RECOVERY", Label: "Re-enabling", Class: Temporary,
		Meaning: "Sync is being restored after an error or a new authorisation.",
	}},
	{connectionCondition(Unauthorized), State{
		Value: "UNAUTHORIZED", Label: "SF Auth Failed", Class: Failed,
		Meaning: "Salesforce does not accept the authorisation any more.",
		Remedy:  "Authorise the connection again.",
	}},
	{connectionCondition(InactiveOrg), State{
		Value: "INACTIVE_ORG", Label: "Inactive org", Class: Failed,
		Meaning: "The Salesforce org is locked or has expired.",
		Remedy:  "Unlock the org, or connect another one; then recover the connection.",
	}},
	{connectionCondition(DBUnavailable), State{
		Value: "DB_UNAVAILABLE", Label: "DB Unavailable", Class: Failed,
		Meaning: "The Postgres database cannot be reached or used.",
		Remedy:  "Check the database and the variable that its URL comes from; then recover the connection.",
	}},
	{connectionCondition(SystemError, BadConfig, RolledBack, ClonedDatabase), State{
		Value: "SYSTEM_ERROR", Label: "Unexpected error", Class: Failed,
		Meaning: "Sync has stopped at an error; the cause is in the description.",
		Remedy:  "Do what the description says; then recover the connection.",
	}},
	{func(f ConnectionFacts) bool { return f.Status.Paused && f.Activity == Quiet }, State{
		Value: "PAUSED", Label: "Paused", Class: Temporary,
		Meaning: "A person has paused the connection. Changes in Postgres are still captured.",
		Remedy:  "Resume it to go on.",
	}},
	{func(f ConnectionFacts) bool {
		return (f.Status.Paused && f.Activity == Sending) || f.OldestUnsent > busyAfter
	}, State{
		Value: "POLLING_DB_CHANGES", Label: "Polling DB", Class: OK,
		Meaning: "Changes in Postgres are being sent to Salesforce.",
	}},
	{func(ConnectionFacts) bool { return true }, State{
		Value: "IDLE", Label: "OK", Class: OK,
		Meaning: "All is well.",
	}},
}

// connectionKnown are the states that clients know and nothing here leads to.
var connectionKnown = []State{
	{
		Value: "TOO_MANY_ROWS", Label: "Overlimit", Class: Failed,
		Meaning: "The plan's number of rows is exceeded.",
		Why:     "There are no plans: the number of rows is not limited.",
	},
	{
		Value: "HEROKU_UNAUTH", Label: "Heroku Auth failed", Class: Failed,
		Meaning: "The authorisation with Heroku has failed.",
		Why:     "The database is reached by its URL; a refused login is DB_UNAVAILABLE.",
	},
	{
		Value: "BUSY", Label: "Busy", Class: OK,
		Meaning: "Some work is under way.",
		Why:     "Work under way always has a state of its own.",
	},
}
