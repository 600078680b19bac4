package org

import (
	"encoding/binary"
	"math"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// A stored row is a sequence of (slot, tag, payload), ascending by slot, with
// null fields left out. One row of sixty fields is one small allocation.
const (
	tagFalse = iota
	tagTrue
	tagInt   // zigzag varint
	tagFloat // eight bytes
	tagText  // length and bytes
	tagDate  // zigzag varint, days
	tagInstant
	tagTime
	tagNull // only in the log of writes: a field that became null
)

// encodeRow packs values indexed by slot.
func encodeRow(values []schema.Value) []byte {
	var scratch [1024]byte
	b := scratch[:0]
	for slot, v := range values {
		if !v.IsNull() {
			b = appendValue(binary.AppendUvarint(b, uint64(slot)), v)
		}
	}
	return append(make([]byte, 0, len(b)), b...)
}

func appendValue(b []byte, v schema.Value) []byte {
	switch v.Kind() {
	case schema.KindBool:
		if v.True() {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case schema.KindNumber:
		f := v.Float()
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return binary.AppendVarint(append(b, tagInt), int64(f))
		}
		return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(f))
	case schema.KindText:
		s := v.Str()
		b = binary.AppendUvarint(append(b, tagText), uint64(len(s)))
		return append(b, s...)
	case schema.KindDate:
		return binary.AppendVarint(append(b, tagDate), v.Days())
	case schema.KindInstant:
		return binary.AppendVarint(append(b, tagInstant), v.Unix())
	case schema.KindTime:
		return binary.AppendVarint(append(b, tagTime), v.Millis())
	}
	return append(b, tagNull)
}

// rowReader walks over the fields of an encoded row.
type rowReader struct{ rest []byte }

// next gives the following field's slot, tag and payload; ok is false at the
// end.
func (r *rowReader) next() (slot int, tag byte, payload []byte, ok bool) {
	if len(r.rest) == 0 {
		return 0, 0, nil, false
	}
	s, n := binary.Uvarint(r.rest)
	tag = r.rest[n]
	body := r.rest[n+1:]
	size := 0
	switch tag {
	case tagInt, tagDate, tagInstant, tagTime:
		_, size = binary.Varint(body)
	case tagFloat:
		size = 8
	case tagText:
		l, m := binary.Uvarint(body)
		body = body[m:]
		size = int(l)
	}
	r.rest = body[size:]
	return int(s), tag, body[:size], true
}

func decodeValue(tag byte, payload []byte) schema.Value {
	switch tag {
	case tagTrue:
		return schema.Bool(true)
	case tagFalse:
		return schema.Bool(false)
	case tagFloat:
		return schema.Number(math.Float64frombits(binary.LittleEndian.Uint64(payload)))
	case tagText:
		return schema.Text(string(payload))
	case tagNull:
		return schema.Null
	}
	n, _ := binary.Varint(payload)
	switch tag {
	case tagInt:
		return schema.Number(float64(n))
	case tagDate:
		return schema.Date(n)
	case tagInstant:
		return schema.Instant(n)
	default:
		return schema.TimeOfDay(n)
	}
}

// fieldOf reads one field of an encoded row without decoding the others.
func fieldOf(data []byte, slot int) schema.Value {
	r := rowReader{data}
	for {
		s, tag, payload, ok := r.next()
		if !ok || s > slot {
			return schema.Null
		}
		if s == slot {
			return decodeValue(tag, payload)
		}
	}
}

// decodeRow unpacks all fields into values indexed by slot.
func decodeRow(data []byte, slots int) []schema.Value {
	values := make([]schema.Value, slots)
	r := rowReader{data}
	for {
		s, tag, payload, ok := r.next()
		if !ok {
			return values
		}
		if s < slots {
			values[s] = decodeValue(tag, payload)
		}
	}
}
