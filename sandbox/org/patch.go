package org

import (
	"bytes"
	"encoding/binary"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// patch gives what makes data of base, both in the form of encodeRow: the
// fields that differ, tagNull where data has none.
func patch(base, data []byte) []byte {
	var scratch [1024]byte
	out := scratch[:0]
	was, is := entries{rowReader: rowReader{base}}, entries{rowReader: rowReader{data}}
	was.advance()
	is.advance()
	for was.ok || is.ok {
		switch {
		case !is.ok || was.ok && was.slot < is.slot:
			out = append(binary.AppendUvarint(out, uint64(was.slot)), tagNull)
			was.advance()
		case !was.ok || is.slot < was.slot:
			out = append(out, is.raw...)
			is.advance()
		default:
			if !bytes.Equal(was.raw, is.raw) {
				out = append(out, is.raw...)
			}
			was.advance()
			is.advance()
		}
	}
	return append(make([]byte, 0, len(out)), out...)
}

// unpatch appends what patch was made for.
func unpatch(out, base, patch []byte) []byte {
	was, is := entries{rowReader: rowReader{base}}, entries{rowReader: rowReader{patch}}
	was.advance()
	is.advance()
	for was.ok || is.ok {
		if !is.ok || was.ok && was.slot < is.slot {
			out = append(out, was.raw...)
			was.advance()
			continue
		}
		if was.ok && was.slot == is.slot {
			was.advance()
		}
		if is.tag != tagNull {
			out = append(out, is.raw...)
		}
		is.advance()
	}
	return out
}

// entries walks over an encoded row, one field at a time.
type entries struct {
	rowReader
	slot int
	tag  byte
	raw  []byte // with slot and tag
	ok   bool
}

func (e *entries) advance() {
	before := e.rest
	e.slot, e.tag, _, e.ok = e.next()
	e.raw = before[:len(before)-len(e.rest)]
}

// patched reads a field of a patch; ok is false where that has no word on it.
func patched(patch []byte, slot int) (v schema.Value, ok bool) {
	r := rowReader{patch}
	for {
		s, tag, payload, more := r.next()
		if !more || s > slot {
			return schema.Null, false
		}
		if s == slot {
			return decodeValue(tag, payload), true
		}
	}
}

// overlay puts the fields of a patch over spread ones.
func overlay(patch []byte, into []Raw) {
	r := rowReader{patch}
	for {
		slot, tag, payload, ok := r.next()
		if !ok {
			return
		}
		if slot < len(into) {
			into[slot] = Raw{payload: payload, tag: tag, set: tag != tagNull}
		}
	}
}
