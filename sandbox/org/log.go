package org

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// FieldValue is one field of a record with its value.
type FieldValue struct {
	Field *schema.Field
	Value schema.Value
}

// Write is one accepted change of one record: an entry of the log that tells
// what clients have really done. Op is insert, update, delete, undelete or
// purge.
type Write struct {
	Seq         int64
	At          time.Time
	Client      string // of Sforce-Call-Options
	OAuthClient string
	User        string
	Object, ID  string
	Op          string
	Fields      []FieldValue
}

func (tx *Tx) write(obj *schema.Object, id, op string, fields []FieldValue) Write {
	return Write{
		At: tx.org.Clock.Now(), Client: tx.actor.CallClient, OAuthClient: tx.actor.OAuthClient,
		User: tx.actor.User.Username, Object: obj.Name, ID: id, Op: op, Fields: fields,
	}
}

// record appends a committed transaction to the log, in the order of its
// writes.
func (o *Org) record(tx *Tx) {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	for _, s := range tx.order {
		for _, w := range s.ops {
			w.Seq = int64(len(o.writes)) + 1
			o.writes = append(o.writes, w)
		}
	}
}

// WritesSince lists the log's entries after a sequence number, at most n.
func (o *Org) WritesSince(seq int64, n int) []Write {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	if seq < 0 {
		seq = 0
	}
	if seq >= int64(len(o.writes)) {
		return nil
	}
	rest := o.writes[seq:]
	if n > 0 && len(rest) > n {
		rest = rest[:n]
	}
	return append([]Write(nil), rest...)
}
