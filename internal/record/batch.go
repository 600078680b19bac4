package record

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"
)

// Batch is a run of records that travel together. Its buffer holds the rows as
// binary COPY sends them (a 16-bit field count, then a 32-bit length and the
// image of each value, -1 for NULL), so that a load copies nothing again.
//
// A batch belongs to one goroutine at a time. Reset keeps its memory.
type Batch struct {
	Layout *Layout
	// Asked is when, by the target database's clock, the request that brought
	// these records was sent. A write that was accepted later is not in them.
	Asked time.Time

	buf  []byte
	rows []int // offset of each row in buf
}

// NewBatch returns an empty batch.
func NewBatch(l *Layout) *Batch { return &Batch{Layout: l} }

// Append adds one record. The values stand in layout order and are copied.
func (b *Batch) Append(values []Value) {
	b.rows = append(b.rows, len(b.buf))
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(len(values)))
	for _, v := range values {
		b.buf = appendValue(b.buf, v)
	}
}

func appendValue(dst []byte, v Value) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(dst, 0xffffffff)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(v))), v...)
}

// AppendBatch adds the records of o, which is of the same layout.
func (b *Batch) AppendBatch(o *Batch) {
	at := len(b.buf)
	b.buf = append(b.buf, o.buf...)
	for _, row := range o.rows {
		b.rows = append(b.rows, at+row)
	}
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.rows) }

// Size is the number of bytes that the records take.
func (b *Batch) Size() int { return len(b.buf) }

// Reset empties the batch and keeps its memory for the next page.
func (b *Batch) Reset() {
	b.buf = b.buf[:0]
	b.rows = b.rows[:0]
}

// Truncate drops all records from the nth on: what a page that failed midway
// has left behind.
func (b *Batch) Truncate(n int) {
	if n >= len(b.rows) {
		return
	}
	b.buf = b.buf[:b.rows[n]]
	b.rows = b.rows[:n]
}

// Row reads record i into dst (grown if need be) and returns it. The values
// point into the batch: they hold until it is reset.
func (b *Batch) Row(i int, dst []Value) []Value {
	p := b.buf[b.rows[i]:]
	n := int(binary.BigEndian.Uint16(p))
	p = p[2:]
	dst = dst[:0]
	for range n {
		size := int32(binary.BigEndian.Uint32(p))
		p = p[4:]
		if size < 0 {
			dst = append(dst, nil)
			continue
		}
		dst = append(dst, Value(p[:size:size]))
		p = p[size:]
	}
	return dst
}

// Value reads one value of record i. The value points into the batch.
func (b *Batch) Value(i, column int) Value {
	p := b.buf[b.rows[i]+2:]
	for c := 0; ; c++ {
		size := int32(binary.BigEndian.Uint32(p))
		p = p[4:]
		if c == column {
			if size < 0 {
				return nil
			}
			return Value(p[:size:size])
		}
		if size > 0 {
			p = p[size:]
		}
	}
}

var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// CopyReader reads the whole batch as one binary COPY stream.
func (b *Batch) CopyReader() io.Reader {
	return io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(b.buf), bytes.NewReader(copyTrailer))
}
