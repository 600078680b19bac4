package mapping

import (
	"time"

	"github.com/google/uuid"
)

// Access is the direction of a mapping.
type Access string

// The two accesses. A read-only table is logged too (state READONLY), as
// Heroku Connect does, but never sent.
const (
	ReadOnly  Access = "read_only"
	ReadWrite Access = "read_write"
)

// Policy says who wins a conflict: a column changed on both sides since the
// value that they last agreed on. No clocks are compared.
type Policy string

// The conflict policies. LastWriter is Heroku Connect's behaviour and the
// default: what is processed last wins.
const (
	LastWriter     Policy = "last_writer"
	SalesforceWins Policy = "salesforce"
	PostgresWins   Policy = "postgres"
)

// Algorithm is how a connection condenses and orders its writes.
type Algorithm string

// The write algorithms. Ordered is Heroku's default (feature poll_db_no_merge).
const (
	Ordered    Algorithm = "ordered"
	Merged     Algorithm = "merged"
	Dependency Algorithm = "dependency"
)

// Index is an entry of a mapping's index list.
type Index struct {
	Unique bool `json:"unique"`
}

// Mapping is one Salesforce object kept equal with one table.
type Mapping struct {
	ID           uuid.UUID
	ConnectionID uuid.UUID
	// ObjectName is the API name in Salesforce's case, namespace kept.
	ObjectName string
	Access     Access
	// Fields are the mapped field names in Salesforce's case, sorted; also
	// relationship fields in Heroku's form (Account__External_ID__c). Id is
	// always among them.
	Fields []string
	// Indexes by field name; every key is also in Fields.
	Indexes map[string]Index
	// UpsertField is the unique identifier: an external ID field, "" if none.
	UpsertField string
	// PollSeconds is the interval between two polls.
	PollSeconds int
	// Notify asks for events beside polling (accelerated polling).
	Notify bool
	// MaxDailyCalls is Heroku's sf_max_daily_api_calls: near it the mapping is
	// polled the less often; 0 is no bound.
	MaxDailyCalls int
	Policy        Policy
	// Options are settings beyond Heroku Connect's.
	Options Options
	// Revision counts the edits of the configuration.
	Revision  int
	AppliedAt time.Time
	// PollsAsked counts the polls of it alone that people have asked for.
	PollsAsked int64
	CreatedAt  time.Time
	UpdatedAt  time.Time

	Status Status
}

// Connection is one org, one database, one schema in it.
type Connection struct {
	ID           uuid.UUID
	Name         string
	AppName      string
	ResourceName string
	// Schema holds the mapped tables; "salesforce" unless told otherwise.
	Schema string
	// DBKey names where the database's URL comes from, as Heroku's config var
	// does; the URL itself is a secret and never leaves the store in clear.
	DBKey      string
	Org        Org
	Algorithm  Algorithm
	APIVersion string // "68.0"
	// Features are those of Heroku's export that were imported or set.
	Features map[string]bool
	// Options are settings beyond Heroku Connect's.
	Options   ConnectionOptions
	CreatedAt time.Time
	UpdatedAt time.Time

	Status Status
}

// Org is what is known of the Salesforce side once it is authorised. Secrets
// are not part of it.
type Org struct {
	LoginURL       string // base of the OAuth endpoints
	InstanceURL    string // base of the API, from the token response
	OrganizationID string // 18 characters
	UserID         string // 18 characters
	Username       string
	Environment    string // production, sandbox or custom
	Flow           Flow
	ClientID       string
	AuthorizedAt   time.Time
}

// Flow is the OAuth flow that a connection uses.
type Flow string

// The flows known today.
const (
	ClientCredentials Flow = "client_credentials"
	RefreshToken      Flow = "refresh_token"
)

// Stage is how far a connection or mapping has come in its set-up.
type Stage string

// The stages. A connection goes New, Configured (it has a database and a
// schema), Authorized. A mapping goes Created (its table is not there yet),
// Loading, Synced.
const (
	StageNew        Stage = "new"
	StageConfigured Stage = "configured"
	StageAuthorized Stage = "authorized"

	StageCreated Stage = "created"
	StageLoading Stage = "loading"
	StageSynced  Stage = "synced"
)

// Status holds the three stored facts from which every state is derived.
type Status struct {
	// Paused is a person's wish. Paused work stops at the next safe point;
	// capture goes on.
	Paused bool
	// Condition is "" when all is well, else the kind of trouble.
	Condition Condition
	// Cause is the error in words, with the next step; "" when all is well.
	Cause string
	// Since is when Condition last changed.
	Since time.Time
	Stage Stage
}

// Condition is the kind of trouble that a connection or mapping is in.
type Condition string

// The conditions. Each maps to one of Heroku Connect's error states.
const (
	Fine           Condition = ""
	SystemError    Condition = "system_error"
	DBUnavailable  Condition = "db_unavailable"
	Unauthorized   Condition = "unauthorized"
	InactiveOrg    Condition = "inactive_org"
	BadConfig      Condition = "bad_config"
	SFUnavailable  Condition = "sf_unavailable" // waits and tries again; shown in the description only
	RolledBack     Condition = "rolled_back"    // the database or the control store went back in time
	ClonedDatabase Condition = "cloned"         // the database belongs to another connection's history
)
