package org

import (
	"encoding/binary"
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
	// Fields are those that changed, with their names of that time.
	Fields []FieldValue
}

// logEntry is a Write as the log keeps it: its values packed like a row's.
type logEntry struct {
	Write
	obj  *schema.Object
	data []byte
}

func (tx *Tx) write(obj *schema.Object, id, op string, fields []FieldValue) logEntry {
	var scratch [1024]byte
	b := scratch[:0]
	for _, f := range fields {
		b = appendValue(binary.AppendUvarint(b, uint64(f.Field.Slot)), f.Value)
	}
	return logEntry{
		Write: Write{
			At: tx.org.Clock.Now(), Client: tx.actor.CallClient, OAuthClient: tx.actor.OAuthClient,
			User: tx.actor.User.Username, Object: obj.Name, ID: id, Op: op,
		},
		obj: obj, data: append(make([]byte, 0, len(b)), b...),
	}
}

// unpack gives the entry with its fields.
func (e *logEntry) unpack() Write {
	w := e.Write
	reader := rowReader{e.data}
	for {
		slot, tag, payload, ok := reader.next()
		if !ok {
			return w
		}
		w.Fields = append(w.Fields, FieldValue{e.obj.BySlot(slot), decodeValue(tag, payload)})
	}
}

// record appends a committed transaction to the log, record by record in the
// order in which it first touched them.
func (o *Org) record(tx *Tx) {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	for _, s := range tx.order {
		for _, e := range s.ops {
			e.Seq = int64(len(o.writes)) + 1
			o.writes = append(o.writes, e)
		}
	}
}

// WritesSince lists the log's entries after a sequence number, at most n (0:
// all).
func (o *Org) WritesSince(seq int64, n int) []Write {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	seq = max(seq, 0)
	if seq >= int64(len(o.writes)) {
		return nil
	}
	rest := o.writes[seq:]
	if n > 0 && len(rest) > n {
		rest = rest[:n]
	}
	list := make([]Write, len(rest))
	for i := range rest {
		list[i] = rest[i].unpack()
	}
	return list
}
