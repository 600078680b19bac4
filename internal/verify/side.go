package verify

// Side is one of the two sides.
type Side string

// The sides, by the names that policies have for them.
const (
	Salesforce Side = "salesforce"
	Postgres   Side = "postgres"
)
