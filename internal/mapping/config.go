package mapping

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Defaults of a mapping whose configuration leaves them out.
const (
	DefaultPollSeconds   = 600
	DefaultMaxDailyCalls = 30000
)

// featureOrdered is the feature of Heroku's export that names the write
// algorithm: true for Ordered Writes, false for Merged Writes.
const featureOrdered = "poll_db_no_merge"

// File is a configuration file as Heroku Connect exports it.
type File struct {
	Connection FileConnection
	// Entries stand in the file's order.
	Entries []Entry
	// Ignored lists keys that mean nothing here, as paths, sorted.
	Ignored []string
}

// FileConnection is the part of the file that tells of the connection. A file
// may lack it, or come from another app and org.
type FileConnection struct {
	// Present is false if the file has no such part.
	Present        bool
	AppName        string
	Name           string
	OrganizationID string
	APIVersion     string
	ExportedAt     time.Time
	LogplexEnabled bool
	// Features as the file has them; nil if it has none.
	Features map[string]bool
	// Algorithm is how to write: Ordered unless the file tells otherwise.
	Algorithm Algorithm
	// Ours is true if the file has a part connection.syncline. Only then does
	// it say anything of options and conflict policies, the defaults included.
	Ours    bool
	Options ConnectionOptions
}

// Entry is one mapping of the file.
type Entry struct {
	ObjectName    string
	Access        Access
	Notify        bool
	PollSeconds   int
	MaxDailyCalls int
	// Fields are sorted, Id among them.
	Fields []string
	// Indexes is nil if the file has none, as before 2016.
	Indexes     map[string]Index
	UpsertField string
	// AppliedAt is when the exporting server last changed the mapping; kept
	// for display, ignored by an import.
	AppliedAt time.Time
	Policy    Policy
	Options   Options
}

// Mappings turns the file's entries into mappings of a connection, without an
// ID, revision or status: those are given when a mapping is stored.
func (f *File) Mappings(connection uuid.UUID) []Mapping {
	out := make([]Mapping, len(f.Entries))
	for i, e := range f.Entries {
		out[i] = Mapping{
			ConnectionID:  connection,
			ObjectName:    e.ObjectName,
			Access:        e.Access,
			Fields:        e.Fields,
			Indexes:       e.Indexes,
			UpsertField:   e.UpsertField,
			PollSeconds:   e.PollSeconds,
			Notify:        e.Notify,
			MaxDailyCalls: e.MaxDailyCalls,
			Policy:        e.Policy,
			Options:       e.Options,
		}
	}
	return out
}

// Entry finds the file's mapping of an object, in any case; nil if it has none.
func (f *File) Entry(object string) *Entry {
	for i := range f.Entries {
		if strings.EqualFold(f.Entries[i].ObjectName, object) {
			return &f.Entries[i]
		}
	}
	return nil
}
