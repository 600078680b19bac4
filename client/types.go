package client

import (
	"encoding/json"
	"time"
)

// Connection is one org, one database, one schema in it.
type Connection struct {
	ID             string         `json:"id" format:"uuid"`
	Name           string         `json:"name"`
	AppName        string         `json:"app_name"`
	ResourceName   string         `json:"resource_name"`
	Schema         string         `json:"schema" doc:"Schema of the mapped tables."`
	DBKey          string         `json:"db_key,omitempty" doc:"Environment variable that the database URL was read from."`
	LoginURL       string         `json:"login_url"`
	InstanceURL    string         `json:"instance_url"`
	OrganizationID string         `json:"organization_id"`
	Username       string         `json:"username" doc:"The org's user that Syncline works as."`
	Environment    string         `json:"environment"`
	APIVersion     string         `json:"api_version"`
	Algorithm      string         `json:"algorithm" doc:"How changes are written to Salesforce."`
	Stage          string         `json:"stage"`
	Paused         bool           `json:"paused"`
	ReadsPaused    bool           `json:"reads_paused" doc:"Polls and loads rest."`
	WritesPaused   bool           `json:"writes_paused" doc:"Changes wait in the log."`
	Options        map[string]any `json:"options" nullable:"false" doc:"Options that are not at their default."`
	Condition      string         `json:"condition,omitempty" doc:"Kind of trouble; empty when all is well."`
	Cause          string         `json:"cause,omitempty" doc:"The trouble in words, with the next step."`
	CreatedAt      time.Time      `json:"created_at"`
	UpdatedAt      time.Time      `json:"updated_at"`
}

// NewConnection is what a connection is made of. Give DatabaseURL or DBKey.
type NewConnection struct {
	Name         string `json:"name,omitempty" doc:"For people; the app's name if left out."`
	AppName      string `json:"app_name,omitempty"`
	ResourceName string `json:"resource_name,omitempty" doc:"Unique within the app; made up if left out."`
	DatabaseURL  string `json:"database_url,omitempty" doc:"postgres:// URL of the database. Kept sealed, never given out."`
	DirectURL    string `json:"direct_url,omitempty" doc:"The same database without a pooler, for LISTEN."`
	DBKey        string `json:"db_key,omitempty" doc:"Environment variable of the server that holds the URL, listed by its operator."`
	Schema       string `json:"schema,omitempty" doc:"salesforce if left out."`
	LoginURL     string `json:"login_url,omitempty" doc:"Scheme and host of the org's My Domain."`
	Flow         string `json:"flow,omitempty" doc:"client_credentials (if left out) or refresh_token."`
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	APIVersion   string `json:"api_version,omitempty"`
}

// State is a state as Heroku Connect names it.
type State struct {
	Value   string `json:"value" doc:"As in Heroku Connect's API: IDLE, DATA_SYNCED, …"`
	Label   string `json:"label"`
	Meaning string `json:"meaning"`
	Remedy  string `json:"remedy,omitempty" doc:"What a person can do."`
	Class   string `json:"class" enum:"ok,temporary,error"`
}

// Queue is what waits in the trigger log to be sent to Salesforce.
type Queue struct {
	Unsent        int     `json:"unsent"`
	Pending       int     `json:"pending"`
	Failed        int     `json:"failed"`
	OldestSeconds float64 `json:"oldest_seconds" doc:"Age of the oldest entry that is not settled; 0 if there is none."`
}

// Latency sums up how long the changes of the last 15 minutes took one way.
type Latency struct {
	Changes int64   `json:"changes"`
	Errors  int64   `json:"errors"`
	P50     float64 `json:"p50" doc:"Milliseconds, an upper bound."`
	P99     float64 `json:"p99" doc:"Milliseconds, an upper bound."`
}

// Status is how a connection stands.
type Status struct {
	Connection      Connection      `json:"connection"`
	State           State           `json:"state"`
	MappingsSummary string          `json:"mappings_summary" doc:"OK, or the worst state of a mapping."`
	Mappings        []MappingStatus `json:"mappings" nullable:"false"`
	Queue           Queue           `json:"queue"`
	// LagToPostgres is -1 when it is not known yet.
	LagToPostgres   float64 `json:"lag_to_postgres_seconds" doc:"Changes in Salesforce older than this have arrived; -1 if not known."`
	LagToSalesforce float64 `json:"lag_to_salesforce_seconds" doc:"Age of the oldest change that waits; 0 if none does."`
	ToPostgres      Latency `json:"to_postgres"`
	ToSalesforce    Latency `json:"to_salesforce"`
	Calls           Calls   `json:"api_calls"`
	Unseen          string  `json:"unseen,omitempty" doc:"Why the database could not be asked."`
}

// Calls are the API calls of the last 24 hours.
type Calls struct {
	Total    int64  `json:"total"`
	OrgUsed  int    `json:"org_used" doc:"The org's own count, for all its applications."`
	OrgLimit int    `json:"org_limit"`
	ByUse    []Call `json:"by_use" nullable:"false"`
}

// Call counts the API calls of one use.
type Call struct {
	Mapping string `json:"mapping"`
	Kind    string `json:"kind"`
	Purpose string `json:"purpose"`
	Calls   int64  `json:"calls"`
}

// Mapping is one Salesforce object kept equal with one table.
type Mapping struct {
	ID            string           `json:"id" format:"uuid"`
	ObjectName    string           `json:"object_name"`
	Table         string           `json:"table"`
	Access        string           `json:"access" enum:"read_only,read_write"`
	Fields        []string         `json:"fields" nullable:"false"`
	Indexes       map[string]Index `json:"indexes" nullable:"false"`
	UpsertField   string           `json:"upsert_field,omitempty"`
	PollSeconds   int              `json:"sf_polling_seconds"`
	Notify        bool             `json:"sf_notify_enabled"`
	MaxDailyCalls int              `json:"sf_max_daily_api_calls"`
	Policy        string           `json:"conflict_policy"`
	Revision      int              `json:"revision"`
	Stage         string           `json:"stage"`
	Paused        bool             `json:"paused"`
	ReadsPaused   bool             `json:"reads_paused" doc:"Its polls and loads rest."`
	WritesPaused  bool             `json:"writes_paused" doc:"Its changes wait in the log."`
	Options       map[string]any   `json:"options" nullable:"false" doc:"Options that are not at their default."`
	Condition     string           `json:"condition,omitempty"`
	Cause         string           `json:"cause,omitempty"`
	CreatedAt     time.Time        `json:"created_at"`
	UpdatedAt     time.Time        `json:"updated_at"`
}

// Index is an index of a mapped field.
type Index struct {
	Unique bool `json:"unique"`
}

// MappingStatus is how a mapping stands. Counts are null before the first.
type MappingStatus struct {
	Mapping        Mapping    `json:"mapping"`
	State          State      `json:"state"`
	RowsPostgres   *int64     `json:"rows_postgres"`
	RowsSalesforce *int64     `json:"rows_salesforce"`
	Queue          Queue      `json:"queue"`
	LoadedRows     int64      `json:"loaded_rows"`
	LoadTotal      int64      `json:"load_total"`
	Load           *Load      `json:"load" doc:"How far its load has come; null when it does not load."`
	Staleness      float64    `json:"staleness_seconds" doc:"Time since its last poll; -1 before the first."`
	PolledAt       *time.Time `json:"polled_at"`
	WrittenAt      *time.Time `json:"written_at"`
	Proof          *Proof     `json:"proof" doc:"Its newest proof; null if there was none."`
}

// Load is how far a load has come.
type Load struct {
	Rows  int64 `json:"rows"`
	Total int64 `json:"total" doc:"Rows expected; 0 if not known."`
	Bytes int64 `json:"bytes"`
	// RowsPerSecond and BytesPerSecond are of the last minute.
	RowsPerSecond  float64   `json:"rows_per_second" doc:"Of the last minute."`
	BytesPerSecond float64   `json:"bytes_per_second" doc:"Of the last minute."`
	SecondsLeft    float64   `json:"seconds_left" doc:"At the present rate; -1 if not known."`
	StartedAt      time.Time `json:"started_at"`
}

// Import says what an import did, or would do.
type Import struct {
	Mappings   []ImportedMapping `json:"mappings" nullable:"false"`
	Statements []Statement       `json:"statements" nullable:"false" doc:"SQL that was run in the database."`
	Ignored    []string          `json:"ignored" nullable:"false" doc:"Keys of the file that mean nothing here."`
	NotApplied []string          `json:"not_applied" nullable:"false" doc:"Settings that apply only to a connection without mappings."`
	DryRun     bool              `json:"dry_run"`
}

// ImportedMapping is one mapping of the file.
type ImportedMapping struct {
	ObjectName string `json:"object_name"`
	Change     string `json:"change" enum:"created,updated,unchanged"`
}

// Statement is one change of the schema.
type Statement struct {
	Kind   string `json:"kind"`
	Table  string `json:"table,omitempty"`
	SQL    string `json:"sql"`
	Reason string `json:"reason"`
}

// WriteError is a change that Salesforce refused.
type WriteError struct {
	ID        int64     `json:"id" doc:"Id in the trigger log."`
	Table     string    `json:"table_name"`
	RecordID  int64     `json:"record_id"`
	SFID      string    `json:"sfid,omitempty"`
	Action    string    `json:"action"`
	Message   string    `json:"message"`
	CreatedAt time.Time `json:"created_at"`
}

// Event is one line of the log that people read.
type Event struct {
	ID      int64          `json:"id"`
	At      time.Time      `json:"at"`
	Level   string         `json:"level"`
	Event   string         `json:"event"`
	Mapping string         `json:"mapping,omitempty" doc:"ID of the mapping concerned."`
	State   string         `json:"state,omitempty"`
	Fields  map[string]any `json:"fields,omitempty"`
}

// AuditEntry is one administrative change.
type AuditEntry struct {
	ID         int64           `json:"id"`
	At         time.Time       `json:"at"`
	Who        string          `json:"who"`
	From       string          `json:"from"`
	Action     string          `json:"action"`
	Subject    string          `json:"subject"`
	Connection string          `json:"connection,omitempty"`
	Before     json.RawMessage `json:"before,omitempty"`
	After      json.RawMessage `json:"after,omitempty"`
}

// Node is a process that takes turns.
type Node struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	PID         int       `json:"pid"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"started_at"`
	HeartbeatAt time.Time `json:"heartbeat_at"`
}

// Token is an API token. Text is there only in the answer to its creation.
type Token struct {
	ID         string     `json:"id" format:"uuid"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Scopes     []string   `json:"scopes" nullable:"false"`
	Connection string     `json:"connection,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	Text       string     `json:"token,omitempty" doc:"Shown once."`
}

// NewToken is what a token is made of.
type NewToken struct {
	Name       string   `json:"name"`
	Role       string   `json:"role" doc:"viewer, operator or admin"`
	Scopes     []string `json:"scopes,omitempty" doc:"Rights that narrow the role: view, operate, administer."`
	Connection string   `json:"connection,omitempty" doc:"Bounds the token to one connection."`
	ExpiresIn  int64    `json:"expires_in,omitempty" minimum:"0" doc:"Seconds; 0 for good."`
}

// SignIn is a single-use sign-in to the dashboard.
type SignIn struct {
	URL       string `json:"url"`
	ExpiresIn int64  `json:"expires_in" doc:"Seconds."`
}

// Server says what answers.
type Server struct {
	Version string `json:"version"`
	// Name, Role and Connection are the caller's.
	Name       string `json:"name"`
	Role       string `json:"role"`
	Connection string `json:"connection,omitempty"`
}

// Report is what a verification found.
type Report struct {
	Mappings []MappingReport `json:"mappings" nullable:"false"`
	// Differences is the sum over all mappings; 0 means equal.
	Differences int64   `json:"differences"`
	Duplicates  int64   `json:"duplicates"`
	APICalls    int64   `json:"api_calls"`
	Seconds     float64 `json:"seconds"`
}

// MappingReport is what a verification found in one mapping.
type MappingReport struct {
	ObjectName          string       `json:"object_name"`
	Table               string       `json:"table"`
	Proof               string       `json:"proof" doc:"full or quick"`
	Days                []string     `json:"days,omitempty" doc:"Days that a quick proof found to differ."`
	RowsSalesforce      int64        `json:"rows_salesforce"`
	RowsPostgres        int64        `json:"rows_postgres"`
	Equal               int64        `json:"equal"`
	Pending             int64        `json:"pending" doc:"Rows whose changes are on their way."`
	FailedWrites        int64        `json:"failed_writes" doc:"Rows whose newest change Salesforce refused."`
	MissingInPostgres   int64        `json:"missing_in_postgres"`
	MissingInSalesforce int64        `json:"missing_in_salesforce"`
	Different           int64        `json:"different"`
	Duplicates          int64        `json:"duplicates"`
	Samples             []Difference `json:"samples" nullable:"false"`
}

// Difference is one row that differs.
type Difference struct {
	Kind   string            `json:"kind"`
	SFID   string            `json:"sfid,omitempty"`
	ID     int64             `json:"id,omitempty" doc:"The row's id in Postgres."`
	Cause  string            `json:"cause,omitempty" doc:"A guess: unknown, unread, deferred, read_error, filter, formula, local."`
	Fields []FieldDifference `json:"fields" nullable:"false"`
}

// FieldDifference is one value that differs; null is NULL.
type FieldDifference struct {
	Field      string  `json:"field"`
	Salesforce *string `json:"salesforce"`
	Postgres   *string `json:"postgres"`
}

// VerifyOptions choose what is verified.
type VerifyOptions struct {
	Mappings []string `json:"mappings,omitempty" doc:"Object names; all if left out."`
	Samples  int      `json:"samples,omitempty" minimum:"0" maximum:"1000" doc:"Differences listed per mapping; 20 if left out."`
	Quick    bool     `json:"quick,omitempty" doc:"Compare counts by day, and rows of the days that differ and of the newest."`
}
