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

// logEntry is a Write as the log keeps it: its values packed like a row's, its
// number being its place in the log.
type logEntry struct {
	at   int64 // nanoseconds
	by   *author
	obj  *schema.Object
	n    uint64 // the record's number
	op   string
	data []byte
}

// author is who wrote; the writes of one transaction share it.
type author struct{ client, oauthClient, user string }

func (tx *Tx) author() *author {
	a := author{tx.actor.CallClient, tx.actor.OAuthClient, tx.actor.User.Username}
	if tx.by == nil || *tx.by != a {
		tx.by = &a
	}
	return tx.by
}

func (tx *Tx) write(obj *schema.Object, id, op string, fields []FieldValue) logEntry {
	var scratch [1024]byte
	b := scratch[:0]
	for _, f := range fields {
		b = appendValue(binary.AppendUvarint(b, uint64(f.Field.Slot)), f.Value)
	}
	n, _ := numberOf(obj.KeyPrefix, id)
	return logEntry{
		at: tx.org.Clock.Now().UnixNano(), by: tx.author(), obj: obj, n: n, op: op, data: append(make([]byte, 0, len(b)), b...),
	}
}

// unpack gives the entry with its fields; seq is its number.
func (e *logEntry) unpack(seq int64) Write {
	w := Write{
		Seq: seq, At: time.Unix(0, e.at).UTC(), Client: e.by.client, OAuthClient: e.by.oauthClient, User: e.by.user,
		Object: e.obj.Name, ID: MakeID(e.obj.KeyPrefix, e.n), Op: e.op,
	}
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
		o.writes = append(o.writes, s.ops...)
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
		list[i] = rest[i].unpack(seq + int64(i) + 1)
	}
	return list
}
