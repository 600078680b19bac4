package inbox

import "strings"

// readAdvice explains why the database did not take a record, by SQLSTATE.
// Syncline tries such records again by itself, later and later.
func readAdvice(code string) Advice {
	const again = "; Syncline then stores the record by itself (retry: at once)"
	switch {
	case code == "23505":
		return Advice{Meaning: "Another row has the record's value in a unique column.", Remedy: "Delete or correct that row, or drop the constraint" + again + "."}
	case code == "23502":
		return Advice{Meaning: "A column of yours must not be NULL, and the record brings no value for it.", Remedy: "Give the column a default, or let it be NULL" + again + "."}
	case code == "23503":
		return Advice{Meaning: "A foreign key of yours points to a row that is not there (yet).", Remedy: "Drop it: records come in any order" + again + "."}
	case code == "23514":
		return Advice{Meaning: "A check of yours does not take the record's values.", Remedy: "Change the check, or correct the record in Salesforce" + again + "."}
	case code == "22001":
		return Advice{Meaning: "A text is longer than its column.", Remedy: "Import the configuration again: a field that grew widens its column" + again + "."}
	case strings.HasPrefix(code, "22"):
		return Advice{Meaning: "A value is not one that its column's type takes.", Remedy: "Correct the record in Salesforce, or reload the mapping if the field's type was changed" + again + "."}
	case code == "42501":
		return Advice{Meaning: "A trigger of yours needs a right that Syncline's role lacks.", Remedy: "Grant it, or make the function SECURITY DEFINER" + again + "."}
	case strings.HasPrefix(code, "P0"), strings.HasPrefix(code, "42"):
		return Advice{Meaning: "A trigger of yours failed on the record.", Remedy: "Correct the trigger" + again + "."}
	}
	return Advice{Meaning: "The database did not take the record; its message says why.", Remedy: "Do what the message asks for" + again + "."}
}
