package mapping

// OptionInfo tells people of one option.
type OptionInfo struct {
	// Key is the option's in a configuration file.
	Key string
	// Values are what it takes, Default what counts if it is left out.
	Values, Default string
	Meaning         string
}

// MappingOptionInfos lists the options of a mapping, pauses left out.
func MappingOptionInfos() []OptionInfo {
	return []OptionInfo{
		{"filter", "a SOQL condition", "none", "only records that match it are kept"},
		{"deletes", "remove, keep", "remove", "what becomes of the row of a deleted record: it goes, or stays with isdeleted true"},
		{"reconcile_seconds", "60 to 31622400, -1", "a day", "greatest age of a deletion that nothing told of; -1 for never"},
		{"proof_seconds", "60 to 31622400, -1", "a day", "longest time between two full proofs in the background; -1 for never"},
		{"quick_proof_seconds", "60 to 31622400, -1", "an hour", "longest time between two quick proofs in the background; -1 for never"},
		{"archived", "true, false", "false", "read archived Tasks and Events too"},
		{"exact_numbers", "true, false", "false", "number columns are numeric instead of double precision; applies when the table is made"},
		{"timestamptz", "true, false", "false", "date-time columns are timestamp with time zone; applies when the table is made"},
		{"truncate_first", "true, false", "false", "a reload empties the table first"},
		{"policies.FIELD", "last_writer, salesforce, postgres", "the mapping's", "conflict policy of one field"},
		{"resolve_from.LOOKUP", "a column of your own", "none", "column that holds the parent row's id, from which the lookup is filled when the row is sent"},
		{"priority", "-1000 to 1000", "0", "of changes that may go in any order, higher ones go first"},
		{"assignment_rule", "true, false, the Id of a rule", "the feature use_assignment_rules", "assignment rule for inserts and updates"},
		{"allow_duplicates", "true, false", "false", "save records that a duplicate rule only warns of"},
		{"when_read_only", "send, hold, discard", "send", "what becomes of changes that wait when the mapping turns read-only"},
	}
}

// ConnectionOptionInfos lists the options of a connection, pauses left out.
func ConnectionOptionInfos() []OptionInfo {
	return []OptionInfo{
		{"creates", "call, job", "call", "how inserts without a unique identifier are sent: by calls, or by Bulk jobs, which are slower and leave a proof"},
		{"bulk_writes_from", "1 to 100000000, -1", "chosen by Syncline", "number of waiting changes of one table and operation from which they go as a Bulk job; -1 for never"},
		{"parallel_writes", "1 to 32", "chosen by Syncline", "write calls that may be under way at once"},
		{"ping_every", "true, false", "false", "send a notification with each commit, also while the writer is awake"},
		{"brake_rows", "1 to 1000000000", "1000", "a run that deletes more rows than this and more than brake_percent waits for a person"},
		{"brake_percent", "1 to 100", "5", "see brake_rows; per cent of the mapping's rows"},
		{"daily_calls", "1 to 1000000000", "no ceiling", "ceiling on the API calls of 24 hours, of all connections to the org together; polls slow down before it is reached"},
		{"reserve_percent", "-1, 1 to 95", "20", "part of the org's own daily calls that is left to its other applications; -1 for none"},
	}
}
