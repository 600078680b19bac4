package client

import (
	"encoding/json"
	"time"
)

// ErrorGroup is failures of one cause.
type ErrorGroup struct {
	Key       string      `json:"key" doc:"Names the group in other calls."`
	Kind      string      `json:"kind" enum:"refused,unknown,unread" doc:"refused: a change that failed. unknown: an insert of which it is not known whether it arrived. unread: records that could not be stored in their row."`
	Mapping   string      `json:"mapping,omitempty" doc:"Object name; empty if the table has no mapping."`
	Table     string      `json:"table_name"`
	Operation string      `json:"operation,omitempty" doc:"INSERT, UPDATE or DELETE."`
	Code      string      `json:"code" doc:"Salesforce's; in lower case Syncline's own; of unread records the SQLSTATE."`
	Pattern   string      `json:"pattern" doc:"The message without what differs between records."`
	Meaning   string      `json:"meaning" doc:"What the code means."`
	Remedy    string      `json:"remedy" doc:"What to do about it."`
	Passing   bool        `json:"passing" doc:"The same change may go through if it is just sent again."`
	Count     int         `json:"count"`
	Archived  int         `json:"archived" doc:"How many of them are in the archive."`
	First     time.Time   `json:"first"`
	Last      time.Time   `json:"last"`
	Sample    ErrorSample `json:"sample" doc:"The newest."`
}

// ErrorSample is one failure of a group.
type ErrorSample struct {
	LogID    int32  `json:"log_id,omitempty"`
	RecordID int32  `json:"record_id,omitempty" doc:"Id of the row."`
	SFID     string `json:"sfid,omitempty"`
	Message  string `json:"message"`
}

// ErrorFilter chooses failures. Empty fields choose nothing.
type ErrorFilter struct {
	IDs       []int32 `json:"ids,omitempty" doc:"Ids in the trigger log; nothing else counts then." maxItems:"10000"`
	Group     string  `json:"group,omitempty" maxLength:"40"`
	Mapping   string  `json:"mapping,omitempty" maxLength:"200" doc:"Object name."`
	Operation string  `json:"operation,omitempty" enum:"INSERT,UPDATE,DELETE"`
	Code      string  `json:"code,omitempty" maxLength:"100"`
	Within    int64   `json:"within,omitempty" minimum:"0" maximum:"31536000" doc:"Age in seconds at most."`
	Archived  bool    `json:"archived,omitempty" doc:"Take in what failed more than a month ago."`
}

// ErrorAction is what is done about failures.
type ErrorAction struct {
	ErrorFilter
	All bool `json:"all,omitempty" doc:"Needed where nothing else chooses."`
	// After, Through and Limit cut an action into pages: give back what the
	// outcome before has as next.
	After   int32 `json:"after,omitempty" minimum:"0"`
	Through int32 `json:"through,omitempty" minimum:"0"`
	Limit   int   `json:"limit,omitempty" minimum:"0" maximum:"10000" doc:"Entries of a page; 10,000 if left out."`
	FromRow bool  `json:"from_row,omitempty" doc:"Of a retry: send the rows as they are now."`
	// TakeTheirs is of an ignore.
	TakeTheirs bool               `json:"take_theirs,omitempty" doc:"Of an ignore: the rows take Salesforce's values."`
	Values     map[string]*string `json:"values,omitempty" doc:"Of an edit: new values by column; null is NULL."`
}

// ErrorOutcome is what an action did.
type ErrorOutcome struct {
	Chosen  int            `json:"chosen"`
	Done    int            `json:"done"`
	Also    int            `json:"also" doc:"Further entries of the same rows that had to go along."`
	Skipped []SkippedError `json:"skipped" nullable:"false" doc:"Entries that had changed meanwhile, or can't be acted on so; the first thousand."`
	More    bool           `json:"more" doc:"There are further entries: call again with after and through."`
	After   int32          `json:"after"`
	Through int32          `json:"through"`
}

// SkippedError is an entry that was left as it is.
type SkippedError struct {
	ID  int32  `json:"id"`
	Why string `json:"why"`
}

// LogEntry is an entry of the trigger log or its archive.
type LogEntry struct {
	ID        int32              `json:"id"`
	State     string             `json:"state"`
	Action    string             `json:"action"`
	Mapping   string             `json:"mapping,omitempty"`
	Table     string             `json:"table_name"`
	RecordID  int32              `json:"record_id"`
	SFID      string             `json:"sfid,omitempty"`
	Archived  bool               `json:"archived"`
	CreatedAt time.Time          `json:"created_at"`
	SettledAt time.Time          `json:"settled_at" doc:"When it was settled; else when it was last changed."`
	Code      string             `json:"code,omitempty"`
	Message   string             `json:"message,omitempty"`
	Fields    []string           `json:"fields" nullable:"false" doc:"Those that Salesforce named."`
	Values    map[string]*string `json:"values,omitempty" doc:"What the entry sets."`
}

// ChangeDetail is all that is known of one entry.
type ChangeDetail struct {
	Entry   LogEntry           `json:"entry"`
	Group   string             `json:"group,omitempty"`
	Meaning string             `json:"meaning,omitempty"`
	Remedy  string             `json:"remedy,omitempty"`
	Row     map[string]*string `json:"row" doc:"The row as it is now; null if it is gone."`
	Former  map[string]*string `json:"former,omitempty" doc:"The row before the change."`
	Answer  *ErrorAnswer       `json:"answer"`
	Unknown *UnknownOutcome    `json:"unknown" doc:"Set while it is not known whether the change arrived."`
	History []Happening        `json:"history" nullable:"false" doc:"What became of the record, newest first."`
}

// ErrorAnswer is what Salesforce or Syncline said to a change.
type ErrorAnswer struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Fields  []string  `json:"fields" nullable:"false"`
	LogID   int32     `json:"log_id"`
	Time    time.Time `json:"time"`
	Attempt int       `json:"attempt" doc:"From 1; 0 if not known."`
}

// UnknownOutcome is what is known of an insert whose reply was lost.
type UnknownOutcome struct {
	Body      string    `json:"body" doc:"What was sent."`
	ClaimedAt time.Time `json:"claimed_at"`
	FinalAt   time.Time `json:"final_at" doc:"When it can't arrive any more."`
}

// Happening is one thing that became of a record: a change or a conflict.
type Happening struct {
	At       time.Time  `json:"at"`
	Entry    *LogEntry  `json:"entry,omitempty"`
	Conflict *Collision `json:"conflict,omitempty"`
}

// Collision is a column that both sides had changed.
type Collision struct {
	Column     string  `json:"column"`
	Base       *string `json:"base"`
	Postgres   *string `json:"postgres"`
	Salesforce *string `json:"salesforce"`
	Winner     string  `json:"winner"`
	Policy     string  `json:"policy"`
	LogID      int32   `json:"log_id,omitempty"`
}

// ErrorResolution says what became of an insert of unknown outcome. Give one of
// the two.
type ErrorResolution struct {
	Arrived   string `json:"arrived,omitempty" maxLength:"18" doc:"Id of the record that it made."`
	SendAgain bool   `json:"send_again,omitempty" doc:"It did not arrive."`
}

// Resolved is what was done with such an answer.
type Resolved struct {
	SFID string `json:"sfid,omitempty"`
	Seen bool   `json:"seen" doc:"The org has the record; false if it did not answer, or if the insert is sent again."`
}

// UnreadRecord is a record that the database did not take into its row. It is
// tried again later and later.
type UnreadRecord struct {
	Mapping  string          `json:"mapping,omitempty"`
	SFID     string          `json:"sfid"`
	Code     string          `json:"code" doc:"SQLSTATE."`
	Message  string          `json:"message"`
	Attempts int             `json:"attempts"`
	FirstAt  time.Time       `json:"first_at"`
	NextAt   *time.Time      `json:"next_at"`
	Group    string          `json:"group"`
	Record   json.RawMessage `json:"record,omitempty" doc:"What came."`
}

// Hold is a mass deletion that the brake holds.
type Hold struct {
	ID        int64      `json:"id"`
	Mapping   string     `json:"mapping,omitempty"`
	Direction string     `json:"direction" enum:"read,write" doc:"read deletes rows, write deletes records."`
	Reason    string     `json:"reason"`
	Rows      int64      `json:"rows"`
	Of        int64      `json:"of"`
	Sample    []string   `json:"sample" nullable:"false" doc:"Some of the records' Ids."`
	HeldAt    time.Time  `json:"held_at"`
	Decision  string     `json:"decision,omitempty" doc:"release, discard or lapse; empty while it waits."`
	DecidedAt *time.Time `json:"decided_at"`
	DecidedBy string     `json:"decided_by,omitempty"`
}
