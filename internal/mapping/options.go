package mapping

// Options are a mapping's settings that Heroku Connect has no key for. The zero
// value is Heroku's behaviour. A configuration file holds them under
// connection.syncline.mappings.<object>.
type Options struct {
	// Filter is a SOQL condition; only records that match it are kept. "" keeps
	// all.
	Filter string `json:"filter,omitempty"`
	// Deletes is what becomes of the row of a deleted record.
	Deletes DeletePolicy `json:"deletes,omitempty"`
	// ReconcileSeconds is the greatest age of a deletion that no other way has
	// told of: every Id of the object is compared that often. 0 takes the
	// default, -1 switches it off.
	ReconcileSeconds int `json:"reconcile_seconds,omitempty"`
	// ProofSeconds and QuickProofSeconds are the longest times between two full
	// and two quick proofs in the background. 0 takes the defaults, a day and an
	// hour; -1 switches one off.
	ProofSeconds      int `json:"proof_seconds,omitempty"`
	QuickProofSeconds int `json:"quick_proof_seconds,omitempty"`
	// Archived also reads archived Tasks and Events.
	Archived bool `json:"archived,omitempty"`
	// ExactNumbers gives number columns the type numeric, TimestampTZ gives
	// date-time columns timestamptz; both apply when the table is made.
	ExactNumbers bool `json:"exact_numbers,omitempty"`
	TimestampTZ  bool `json:"timestamptz,omitempty"`
	// TruncateFirst empties the table before a reload.
	TruncateFirst bool `json:"truncate_first,omitempty"`

	// Policies overrule the mapping's conflict policy by field.
	Policies map[string]Policy `json:"policies,omitempty"`
	// ResolveFrom names, by lookup field, the table's own column that holds the
	// parent row's local id: the sfid is looked up when the row is sent, and
	// the row waits until the parent has one. A lookup that may point to several
	// mapped objects is named with the object ("WhatId:Account"), once for each.
	ResolveFrom map[string]string `json:"resolve_from,omitempty"`
	// Priority orders change sets that may go in any order: higher ones first.
	Priority int `json:"priority,omitempty"`
	// AssignmentRule is sent with writes (Sforce-Auto-Assign): "true", "false"
	// or the Id of a rule; "" leaves it to the connection's feature.
	AssignmentRule string `json:"assignment_rule,omitempty"`
	// AllowDuplicates saves records that a duplicate rule only warns of.
	AllowDuplicates bool `json:"allow_duplicates,omitempty"`
	// WhenReadOnly is what becomes of entries that wait when the mapping turns
	// read-only.
	WhenReadOnly WhenReadOnly `json:"when_read_only,omitempty"`
	// PauseReads and PauseWrites stop one direction.
	PauseReads  bool `json:"pause_reads,omitempty"`
	PauseWrites bool `json:"pause_writes,omitempty"`
}

// DeletePolicy is what becomes of the row of a record that is no more.
type DeletePolicy string

// The delete policies. RemoveRow, Heroku's way, is the default; KeepRow keeps
// the row and sets its isdeleted.
const (
	RemoveRow DeletePolicy = ""
	KeepRow   DeletePolicy = "keep"
)

// WhenReadOnly is what becomes of unsent entries of a mapping that turns
// read-only.
type WhenReadOnly string

// SendThem, the default, sends what was captured before; HoldThem keeps it
// until the mapping is read-write again; DiscardThem ends it as READONLY.
const (
	SendThem    WhenReadOnly = ""
	HoldThem    WhenReadOnly = "hold"
	DiscardThem WhenReadOnly = "discard"
)

// ConnectionOptions are a connection's settings that Heroku Connect has no key
// for. A configuration file holds them under connection.syncline.options.
type ConnectionOptions struct {
	// Creates says how inserts without a unique identifier are sent.
	Creates Creates `json:"creates,omitempty"`
	// BulkWritesFrom is the number of waiting changes of one table and operation
	// from which they go as a Bulk job. 0 takes the default, -1 never.
	BulkWritesFrom int `json:"bulk_writes_from,omitempty"`
	// ParallelWrites is how many write calls may be under way at once; 0 takes
	// the default.
	ParallelWrites int `json:"parallel_writes,omitempty"`
	// PingEvery restores a notification with each commit (see docs/writes.md).
	PingEvery bool `json:"ping_every,omitempty"`
	// PauseReads and PauseWrites stop one direction.
	PauseReads  bool `json:"pause_reads,omitempty"`
	PauseWrites bool `json:"pause_writes,omitempty"`
	// BrakeRows and BrakePercent are the brake's two thresholds: more deletions
	// than both in one run are held. 0 takes the defaults, 1,000 and 5.
	BrakeRows    int `json:"brake_rows,omitempty"`
	BrakePercent int `json:"brake_percent,omitempty"`
	// DailyCalls bounds the API calls of 24 hours of all connections to the org;
	// 0 does not. ReservePercent of the org's own allowance are left to its other
	// applications; 0 takes the default, 20, and -1 leaves none.
	DailyCalls     int `json:"daily_calls,omitempty"`
	ReservePercent int `json:"reserve_percent,omitempty"`
}

// Creates says how inserts without a unique identifier are sent.
type Creates string

// CreatesByCall, the default, sends them by Collections: an outcome that is
// lost is looked for by a probe. CreatesByJob sends them as Bulk jobs, whose id
// is the proof, at the price of seconds.
const (
	CreatesByCall Creates = ""
	CreatesByJob  Creates = "job"
)
