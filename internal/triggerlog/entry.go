package triggerlog

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// State of an entry. The names are Heroku Connect's and at most 8 characters.
type State string

// The states of the contract.
const (
	New      State = "NEW"
	Ignore   State = "IGNORE" // captured, needs no sending
	Pending  State = "PENDING"
	Success  State = "SUCCESS"
	Merged   State = "MERGED"  // its change travelled with another entry's
	Ignored  State = "IGNORED" // end state of IGNORE; by hand: silences a failure
	Failed   State = "FAILED"
	ReadOnly State = "READONLY"
	Requeue  State = "REQUEUE"  // archived, a person wants it copied back as NEW
	Requeued State = "REQUEUED" // archived, was copied back
)

// Action is the operation that an entry captured.
type Action string

// The actions, as TG_OP names them.
const (
	Insert Action = "INSERT"
	Update Action = "UPDATE"
	Delete Action = "DELETE"
)

// Entry is one row of the trigger log. Old and Values are hstore text.
type Entry struct {
	ID        int32
	TxID      int64
	CreatedAt time.Time
	State     State
	Action    Action
	Table     string
	// RecordID is the row's id, 0 if the entry has none.
	RecordID int32
	// Sfid is "" when the record had not reached Salesforce yet.
	Sfid string
	// Old is the whole row before the change; nil for an INSERT and for an
	// UPDATE that a capture function wrote.
	Old    *string
	Values *string
	// Message is sf_message: Salesforce's words for a FAILED entry.
	Message string
}

// Hash names what the entry changes. With id, txid and created_at it tells an
// entry from a later one that reuses its id after the database went back in
// time (docs/INVARIANTS.md, I6).
func (e Entry) Hash() []byte {
	h := sha256.New()
	part := func(s *string) {
		var n [8]byte
		if s == nil {
			binary.BigEndian.PutUint64(n[:], ^uint64(0))
			h.Write(n[:])
			return
		}
		binary.BigEndian.PutUint64(n[:], uint64(len(*s)))
		h.Write(n[:])
		h.Write([]byte(*s))
	}
	action, table := string(e.Action), e.Table
	part(&action)
	part(&table)
	part(e.Old)
	part(e.Values)
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], uint32(e.RecordID))
	h.Write(id[:])
	return h.Sum(nil)
}

// Unsettled says whether the entry's change is still on its way.
func (e Entry) Unsettled() bool { return e.State == New || e.State == Pending }

// Outcome settles one entry.
type Outcome struct {
	ID    int32
	State State
	// Sfid is stored in the entry when it had none, so that an inserted
	// record can be found from its entry. "" leaves it.
	Sfid string
	// Message is stored in sf_message; "" clears it.
	Message string
	// Result is sf_result: 0 for success, else 1. Heroku Connect's meaning is
	// not published.
	Result int32
}
