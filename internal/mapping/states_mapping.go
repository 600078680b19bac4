package mapping

// MappingActivity is what a turn is doing for a mapping now.
type MappingActivity string

// The activities of a mapping.
const (
	Resting            MappingActivity = ""
	CreatingTable      MappingActivity = "creating_table"
	AlteringTable      MappingActivity = "altering_table"
	Loading            MappingActivity = "loading"         // first load or reload
	LoadingColumns     MappingActivity = "loading_columns" // after fields were added
	WaitingForBulkLoad MappingActivity = "waiting_for_bulk_load"
	LoadingBulkJob     MappingActivity = "loading_bulk_job"
	Polling            MappingActivity = "polling"
	PollingBulk        MappingActivity = "polling_bulk"
	PollingDeletes     MappingActivity = "polling_deletes"
	WaitingForBulkPoll MappingActivity = "waiting_for_bulk_poll"
	ApplyingBulkPoll   MappingActivity = "applying_bulk_poll"
	RecoveringMapping  MappingActivity = "recovering"
)

// MappingFacts are what a mapping's state is derived from.
type MappingFacts struct {
	// Connection is the status of the connection: its trouble is the
	// mapping's too.
	Connection Status
	Status     Status
	Activity   MappingActivity
}

// MappingState derives the state that Heroku Connect would show. A paused
// mapping has no state of its own there: it shows how far its data have come.
func MappingState(f MappingFacts) State { return derive(mappingRules, f) }

func mappingCondition(conditions ...Condition) func(MappingFacts) bool {
	return func(f MappingFacts) bool {
		for _, c := range conditions {
			if f.Connection.Condition == c || f.Status.Condition == c {
				return true
			}
		}
		return false
	}
}

func mappingActivity(a MappingActivity) func(MappingFacts) bool {
	return func(f MappingFacts) bool { return f.Activity == a }
}

// The order is the meaning: trouble first, the connection's and the mapping's
// alike, then what a turn is doing, then how far the mapping has come.
var mappingRules = []rule[MappingFacts]{
	{mappingActivity(RecoveringMapping), State{
		Value: "RECOVERY", Label: "Recovering", Class: Temporary,
		Meaning: "Sync of the mapping is being restored after an error.",
	}},
	{mappingCondition(Unauthorized), State{
		Value: "UNAUTHORIZED", Label: "SF Auth Failed", Class: Failed,
		Meaning: "Salesforce does not accept the connection's authorisation any more.",
		Remedy:  "Authorise the connection again.",
	}},
	{mappingCondition(InactiveOrg), State{
		Value: "INACTIVE_ORG", Label: "Inactive org", Class: Failed,
		Meaning: "The Salesforce org is locked or has expired.",
		Remedy:  "Unlock the org, or connect another one; then recover the connection.",
	}},
	{mappingCondition(DBUnavailable), State{
		Value: "DB_UNAVAILABLE", Label: "DB Unavailable", Class: Failed,
		Meaning: "The Postgres database cannot be reached or used.",
		Remedy:  "Check the database; then recover the connection.",
	}},
	{mappingCondition(BadConfig), State{
		Value: "BAD_CONFIG", Label: "Bad configuration", Class: Failed,
		Meaning: "The mapping does not fit the Salesforce object any more, or the user may not see all of it.",
		Remedy:  "Do what the description says: correct the fields, or the user's permissions.",
	}},
	{mappingCondition(SystemError, RolledBack, ClonedDatabase), State{
		Value: "SYSTEM_ERROR", Label: "Unexpected error", Class: Failed,
		Meaning: "Sync of the mapping has stopped at an error; the cause is in the description.",
		Remedy:  "Do what the description says; then recover the connection.",
	}},
	{mappingActivity(AlteringTable), State{
		Value: "SCHEMA_CHANGED", Label: "Altering DB schema", Class: Temporary,
		Meaning: "The table is being altered. If this lasts, a lock in Postgres is in the way.",
		Remedy:  "If it lasts, end the transaction that holds the table.",
	}},
	{mappingActivity(CreatingTable), State{
		Value: "INITIAL", Label: "Creating", Class: Temporary,
		Meaning: "The table is being created.",
	}},
	{mappingActivity(WaitingForBulkLoad), State{
		Value: "WAIT_BULK_LOAD", Label: "Waiting for bulk job", Class: OK,
		Meaning: "Salesforce is working on the bulk job of a load.",
	}},
	{mappingActivity(LoadingBulkJob), State{
		Value: "LOADING_BULK_JOB", Label: "Loading bulk job", Class: OK,
		Meaning: "The results of a bulk job are being written to the table.",
	}},
	{mappingActivity(LoadingColumns), State{
		Value: "RESYNC", Label: "Loading new columns", Class: OK,
		Meaning: "The values of added fields are being loaded.",
	}},
	{mappingActivity(Loading), State{
		Value: "RELOAD_TABLE", Label: "Reloading", Class: OK,
		Meaning: "All records are being loaded.",
	}},
	{mappingActivity(WaitingForBulkPoll), State{
		Value: "WAIT_BULK_UPDATE", Label: "Waiting for bulk job", Class: OK,
		Meaning: "Salesforce is working on the bulk job that reads changes.",
	}},
	{mappingActivity(ApplyingBulkPoll), State{
		Value: "APPLYING_BULK_UPDATE", Label: "Applying bulk update", Class: OK,
		Meaning: "Changes read by a bulk job are being written to the table.",
	}},
	{mappingActivity(PollingBulk), State{
		Value: "POLLING_SF_BULK", Label: "Polling SF [bulk]", Class: OK,
		Meaning: "Changes in Salesforce are being read by bulk job.",
	}},
	{mappingActivity(PollingDeletes), State{
		Value: "POLLING_SF_FOR_DELETES", Label: "Polling SF [deletes]", Class: OK,
		Meaning: "Deleted records are being looked for in Salesforce.",
	}},
	{mappingActivity(Polling), State{
		Value: "POLLING_SF_CHANGES", Label: "Polling SF", Class: OK,
		Meaning: "Changes in Salesforce are being read.",
	}},
	{func(f MappingFacts) bool { return f.Status.Stage == StageCreated || f.Status.Stage == "" }, State{
		Value: "INITIAL", Label: "Creating", Class: Temporary,
		Meaning: "The table is being created.",
	}},
	{func(f MappingFacts) bool { return f.Status.Stage == StageLoading }, State{
		Value: "RELOAD_TABLE", Label: "Reloading", Class: OK,
		Meaning: "All records are being loaded.",
	}},
	{func(MappingFacts) bool { return true }, State{
		Value: "DATA_SYNCED", Label: "OK", Class: OK,
		Meaning: "All is as of the last poll.",
	}},
}

// mappingKnown are the states that clients know and nothing here leads to.
var mappingKnown = []State{
	{
		Value: "BULK_LOAD_ERROR", Label: "Bulk load error", Class: Failed,
		Meaning: "A bulk job has failed.",
		Why:     "A failed bulk job is run again, and what cannot succeed is SYSTEM_ERROR with its cause.",
	},
	{
		Value: "SYNC_REMOVED", Label: "Sync removed", Class: Failed,
		Meaning: "The mapping's sync has been removed.",
		Why:     "A removed mapping is gone from the list.",
	},
	{
		Value: "ABORTED", Label: "Aborted", Class: OK,
		Meaning: "An operation was cancelled.",
		Why:     "A cancelled operation leaves the mapping in the state that it was in before.",
	},
	{
		Value: "RESOLVE_EXTERNAL_IDS", Label: "Resolving external IDs", Class: OK,
		Meaning: "Relationship columns are being filled.",
		Why:     "Relationship columns come with their record, in the same query.",
	},
	{
		Value: "POLL_EXTERNAL_IDS", Label: "Polling external IDs", Class: OK,
		Meaning: "Relationship columns are being filled.",
		Why:     "Relationship columns come with their record, in the same query.",
	},
}
