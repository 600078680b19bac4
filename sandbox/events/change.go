package events

import (
	"encoding/binary"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// changeType is the place of a change type in the Avro enumeration.
type changeType int

const (
	create changeType = iota
	update
	remove
	undelete
	gapCreate
	gapUpdate
	gapDelete
	gapUndelete
	gapOverflow
)

var changeTypes = []string{"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"}

// String is the name in the Avro enumeration.
func (c changeType) String() string { return changeTypes[c] }

func (c changeType) gap() changeType {
	if c < gapCreate {
		return c + gapCreate
	}
	return c
}

// classify says what a transaction did to a record; ok is false if nothing
// that makes an event.
func classify(c org.RecordChange, silentHardDelete bool) (kind changeType, ok bool) {
	switch before, after := c.Before, c.After; {
	case before.Live() && after.Live():
		return update, true
	case !before.Exists() && after.Live():
		return create, true
	case before.Live() && after.Exists():
		return remove, true
	case before.Live():
		return remove, !silentHardDelete
	case before.Exists() && after.Live():
		return undelete, true
	}
	return 0, false
}

// body is what an event says of its records beyond its header: the values of
// a version, for an update those of the fields that the header names.
type body struct {
	version org.Version
	// diffs replace the values of long texts, by place.
	diffs map[int]string
}

// compare fills an update's bitmaps from two versions of a record. It counts
// the changed fields, of which it keeps the values, and gives a key that equal
// changes share; "" shares with none.
func (e *Event) compare(before, after org.Version) (fields int, key string) {
	slots := e.Layout.object.Slots()
	was, is := make([]org.Raw, slots), make([]org.Raw, slots)
	before.Raws(was)
	after.Raws(is)
	carried := make([]bool, slots)
	var sum []byte
	note := func(place, member int, w wire, r org.Raw) {
		sum = binary.AppendUvarint(sum, uint64(place))
		sum = binary.AppendUvarint(sum, uint64(member))
		sum = appendValue(sum, w, r)
	}
	for i := range e.Layout.fields {
		f, place := &e.Layout.fields[i], i+1
		if f.wire == wireRecord {
			fields += f.compareParts(place, was, is, e.head, note)
			for _, p := range f.parts {
				if p.src != nil {
					carried[p.src.Slot] = true
				}
			}
			continue
		}
		if f.src == nil || was[f.src.Slot].Same(is[f.src.Slot]) && f.name != "LastModifiedDate" {
			continue // an update names that one also within the same second
		}
		fields++
		carried[f.src.Slot] = true
		e.head.mark().changed.add(place)
		note(place, 0, f.wire, is[f.src.Slot])
		e.field(f, place, was[f.src.Slot], is[f.src.Slot])
	}
	e.body.version = after.Only(func(slot int) bool { return slot < slots && carried[slot] })
	if e.body.diffs != nil {
		return fields, ""
	}
	return fields, string(sum)
}

// field notes whether a changed field became null or is sent as a difference.
func (e *Event) field(f *field, place int, was, is org.Raw) {
	if is.Kind() == schema.KindNull {
		e.head.mark().nulled.add(place)
		return
	}
	text, ok := textDiff(f.src, was, is)
	if !ok {
		return
	}
	e.head.mark().diff.add(place)
	if e.body.diffs == nil {
		e.body.diffs = map[int]string{}
	}
	e.body.diffs[place] = text
}

func (f *field) compareParts(place int, was, is []org.Raw, h *header, note func(place, member int, w wire, r org.Raw)) (fields int) {
	for k, p := range f.parts {
		if p.src == nil || was[p.src.Slot].Same(is[p.src.Slot]) {
			continue
		}
		fields++
		h.mark().changed.addPart(place, k)
		note(place, k, p.wire, is[p.src.Slot])
		if is[p.src.Slot].Kind() == schema.KindNull {
			h.mark().nulled.addPart(place, k)
		}
	}
	return fields
}

// shows says whether the event carries a field's value.
func (h *header) shows(place int) bool {
	switch h.change {
	case create, undelete:
		return true
	case update:
		return h.marks != nil && h.marks.changed.has(place)
	}
	return false
}

func (h *header) showsPart(place, member int) bool {
	if h.change != update {
		return h.shows(place)
	}
	return h.marks != nil && h.marks.changed.hasPart(place, member)
}

// appendBody writes the fields after the header. hidden fields are written as
// null.
func (e *Event) appendBody(out []byte, hidden func(*schema.Field) bool) []byte {
	raws := make([]org.Raw, e.Layout.object.Slots())
	e.body.version.Raws(raws)
	for i := range e.Layout.fields {
		f, place := &e.Layout.fields[i], i+1
		switch {
		case !e.head.shows(place):
			out = append(out, unionNull)
			continue
		case f.wire == wireRecord:
			out = f.appendCompound(out, raws, func(k int) bool { return e.head.showsPart(place, k) && !hidden(f.parts[k].src) })
			continue
		}
		var r org.Raw
		if f.src != nil && !hidden(f.src) {
			r = raws[f.src.Slot]
		}
		if text, ok := e.body.diffs[place]; ok && r.Kind() != schema.KindNull {
			out = appendText(append(out, unionValue), text)
			continue
		}
		out = appendValue(out, f.wire, r)
	}
	return out
}
