package inbox

import "strings"

// Advice says what a cause means and what to do about it, in plain words.
type Advice struct {
	Meaning, Remedy string
	// Passing says that the same change may well go through when it is sent
	// again, though nobody mends anything.
	Passing bool
}

// AdviceFor explains a code: one of Salesforce's, or one of Syncline's in lower
// case. Of a code that is not known it says how to go on.
func AdviceFor(code string) Advice {
	if a, ok := advice[code]; ok {
		return a
	}
	return Advice{
		Meaning: "Salesforce refused the change with the code " + code + "; its message says why.",
		Remedy:  "Do what the message asks for, in Salesforce or in the row, then retry.",
	}
}

// KnownCodes are the codes that have an explanation of their own.
func KnownCodes() []string {
	out := make([]string, 0, len(advice))
	for code := range advice {
		out = append(out, code)
	}
	return out
}

const thenRetry = ", then retry"

// advice is by code. The words are for people who know their org, not its API.
var advice = map[string]Advice{
	// Rules of the org about values.
	"FIELD_CUSTOM_VALIDATION_EXCEPTION":       {"A validation rule of the org, or Apex that checks the record, does not accept these values.", "Correct the values (edit), or change the rule" + thenRetry + ".", false},
	"REQUIRED_FIELD_MISSING":                  {"A field that the object requires has no value.", "Map the field if it is not mapped, give it a value (edit), or give it a default in Salesforce" + thenRetry + ".", false},
	"STRING_TOO_LONG":                         {"A text is longer than its field.", "Shorten it (edit), or lengthen the field in Salesforce" + thenRetry + ".", false},
	"NUMBER_OUTSIDE_VALID_RANGE":              {"A number has more digits than its field takes.", "Correct it (edit), or widen the field in Salesforce" + thenRetry + ".", false},
	"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": {"The value is not in the list of a restricted picklist, or not in that of the record type.", "Use a value of the list (edit), or add it to the picklist and the record type" + thenRetry + ".", false},
	"INVALID_EMAIL_ADDRESS":                   {"An e-mail address is not written as one.", "Correct it (edit).", false},
	"INVALID_TYPE_ON_FIELD_IN_RECORD":         {"A value is not of its field's type.", "Correct it (edit); if the field's type was changed, reload the mapping.", false},
	"JSON_PARSER_ERROR":                       {"Salesforce could not read a value as one of its field's type.", "Correct it (edit); if the field's type was changed, reload the mapping.", false},
	"FIELD_INTEGRITY_EXCEPTION":               {"A value does not fit together with another one, or with what the field points to; or two fields say different things of one lookup.", "Correct the field that the message names (edit).", false},
	"FIELD_FILTER_VALIDATION_EXCEPTION":       {"The record that a lookup points to does not pass the lookup's filter.", "Point to another record (edit), or change the lookup's filter" + thenRetry + ".", false},
	"INVALID_CURRENCY_ISO":                    {"The currency is not active in the org.", "Use an active currency (edit), or activate it" + thenRetry + ".", false},
	"INVALID_ASSIGNEE_TYPE":                   {"The owner is of a kind that the object does not take.", "Set another owner (edit).", false},
	"DUPLICATE_COMM_NICKNAME":                 {"Another user has the same nickname.", "Choose another one (edit).", false},

	// Two records that are one.
	"DUPLICATE_VALUE":       {"Another record has the same value in a unique field. If the message names an Id, it is that record's; it may be this very row, sent before.", "Change the value (edit). If the record is this row's, delete the row here and let the record come by the next poll, or ignore the entry.", false},
	"DUPLICATE_EXTERNAL_ID": {"More than one record has this value in the unique identifier, so Salesforce can't tell which is meant.", "Merge or correct these records in Salesforce and make the field unique" + thenRetry + ".", false},
	"DUPLICATES_DETECTED":   {"A duplicate rule takes the record for one that is there already.", "Merge with that record, or let the rule allow it (mapping option allow_duplicates)" + thenRetry + ".", false},

	// Records that are not there, or may not be touched.
	"ENTITY_IS_DELETED":            {"The record is in the recycle bin, or gone.", "Restore it in Salesforce and retry, or delete the row here and ignore the entry.", false},
	"ENTITY_IS_LOCKED":             {"The record is locked, usually by an approval process.", "Let the approval end or unlock the record" + thenRetry + ".", false},
	"ENTITY_IS_ARCHIVED":           {"The record is archived and can't be changed.", "Ignore the entry.", false},
	"INVALID_CROSS_REFERENCE_KEY":  {"An Id in the change is not that of a record which the user may see: it was deleted, or is of another org or object.", "Set the lookup to a record that exists (edit), or share that record with the integration user" + thenRetry + ".", false},
	"MALFORMED_ID":                 {"A value in a lookup is no Id of the object that it must point to.", "Set it to an Id of that object (edit).", false},
	"INVALID_FIELD":                {"A field's value does not lead to a record: no record has this external ID; or the field is hidden from the integration user.", "Make sure that the parent exists in Salesforce and that the field is visible" + thenRetry + ".", false},
	"NOT_FOUND":                    {"The record is not there, or the integration user may not see it.", "Restore or share the record" + thenRetry + "; or delete the row here and ignore the entry.", false},
	"DELETE_FAILED":                {"Salesforce could not delete the record: others depend on it, or Apex forbids it.", "Remove what the message names" + thenRetry + ".", false},
	"DEPENDENCY_EXISTS":            {"Another record depends on this one, so it can't be deleted.", "Delete or detach that record" + thenRetry + ".", false},
	"CANNOT_UPDATE_CONVERTED_LEAD": {"The lead was converted and can't be changed any more.", "Ignore the entry; change the contact or account instead.", false},
	"CIRCULAR_DEPENDENCY":          {"The record would become its own parent, over others.", "Set another parent (edit).", false},
	"CANNOT_REPARENT_RECORD":       {"The parent of this record can't be changed once it is set.", "Set the former parent (edit), or allow reparenting on the field in Salesforce" + thenRetry + ".", false},

	// Rights.
	"INSUFFICIENT_ACCESS_OR_READONLY":               {"The integration user may not change this record.", "Give it the right on the object and the record (permission set, sharing)" + thenRetry + ".", false},
	"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": {"The integration user has no right on a record that this one points to, often the owner or the parent.", "Give it that right, or point elsewhere (edit)" + thenRetry + ".", false},
	"INSUFFICIENT_ACCESS":                           {"The integration user may not do this.", "Give it the right on the object (permission set)" + thenRetry + ".", false},
	"INVALID_FIELD_FOR_INSERT_UPDATE":               {"A field can't be written, at least not by this user.", "Give the user edit rights on the field, or leave the column alone" + thenRetry + ".", false},
	"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY":          {"An Apex trigger or a flow of the org failed while it saved the record; the message names it.", "Let it be corrected in Salesforce" + thenRetry + ".", false},
	"CANNOT_EXECUTE_FLOW_TRIGGER":                   {"A flow of the org failed while it saved the record; the message names it.", "Let the flow be corrected" + thenRetry + ".", false},
	"APEX_DATA_ACCESS_RESTRICTION":                  {"Apex of the org met data that its user may not see.", "Give the integration user the right, or let the Apex be corrected" + thenRetry + ".", false},
	"INACTIVE_OWNER_OR_USER":                        {"The owner, or a user that the record points to, is inactive.", "Set an active one (edit), or let the integration user update records with inactive owners" + thenRetry + ".", false},
	"OP_WITH_INVALID_USER_TYPE_EXCEPTION":           {"The user's licence does not allow this.", "Use a user with a fitting licence (edit, or another integration user)" + thenRetry + ".", false},
	"INVALID_STATUS":                                {"The record's status does not allow this change.", "Set another status (edit) or change it in Salesforce" + thenRetry + ".", false},
	"TRANSFER_REQUIRES_READ":                        {"The new owner may not read this kind of record.", "Give the new owner the right, or choose another one (edit)" + thenRetry + ".", false},

	// Limits and what passes.
	"UNABLE_TO_LOCK_ROW":                {"Others held the record, or its parent, again and again.", "Retry; if it comes back, find out what works on the same parent in Salesforce at that time.", true},
	"STORAGE_LIMIT_EXCEEDED":            {"The org has no room left for data.", "Delete records or buy storage" + thenRetry + ".", false},
	"LIMIT_EXCEEDED":                    {"A limit of the org was used up.", "Wait until it is free again, or raise it" + thenRetry + ".", true},
	"REQUEST_LIMIT_EXCEEDED":            {"The org's API calls of the day are used up.", "Wait or buy more calls; Syncline goes on by itself.", true},
	"TOO_MANY_APEX_REQUESTS":            {"Too much Apex ran at once.", "Retry.", true},
	"QUERY_TIMEOUT":                     {"A query inside the org took too long while the record was saved.", "Retry; if it comes back, let the Apex or the sharing rules be looked at.", true},
	"UNKNOWN_EXCEPTION":                 {"Salesforce failed and gave no reason beyond its message.", "Retry; if it comes back, give the message to Salesforce's support.", true},
	"SERVER_UNAVAILABLE":                {"Salesforce was not available.", "Retry.", true},
	"PROCESSING_HALTED":                 {"The record was not tried, because another one of the same call had failed.", "Retry.", true},
	"ALL_OR_NONE_OPERATION_ROLLED_BACK": {"The record was taken back, because another one of the same call had failed.", "Retry.", true},
	"API_CURRENTLY_DISABLED":            {"The org's API is off at the moment, often for maintenance.", "Retry later.", true},

	// Syncline's own.
	"not_mapped":     {"The table of this change belongs to no mapping.", "Map the object again" + thenRetry + "; or ignore the entry.", false},
	"invalid_entry":  {"The log entry can't be read: somebody wrote it by hand, or the column has another type by now.", "Edit it, or write the row again and ignore the entry.", false},
	"no_record":      {"The row is not known in Salesforce: it has neither an sfid nor a value in the unique identifier.", "Retry its insert, or give it a value in the unique identifier (edit).", false},
	codeInsertFailed: {"The insert of this row failed before, so there is no record to change.", "Mend and retry the insert; this entry goes along.", false},
	CodeRowRefused:   {"Salesforce has the record, but a constraint or trigger of the database did not let the row take its Id.", "Remove what the message names, then set the row's sfid to the Id given, with capture off; do not retry an insert.", false},
	CodeUnknown:      {"The reply to an insert was lost, and it can't be told whether the record was made.", "Look into Salesforce, then say so: syncline write-errors resolve LOGID --arrived SFID, or --send-again.", false},
	CodeOther:        {"The message holds no code.", "Do what the message asks for" + thenRetry + ".", false},
}

// adviceOf is AdviceFor with what the message itself tells.
func adviceOf(c Cause) Advice {
	a := AdviceFor(c.Code)
	if c.Code == "DUPLICATE_VALUE" && strings.Contains(c.Message, "<unknown>") {
		a.Remedy = "Two records of one call had the same value: correct one of them (edit)" + thenRetry + "."
	}
	return a
}
