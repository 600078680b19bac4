package events

import (
	"encoding/binary"
	"math"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// header is the ChangeEventHeader.
type header struct {
	entity      string
	ids         []string
	change      changeType
	origin      string
	transaction string
	sequence    int
	timestamp   int64 // milliseconds
	commit      int64
	user        string
	// marks are the fields of an update, nil for any other change.
	marks *marks
}

// marks name fields by their places.
type marks struct{ nulled, diff, changed bitmap }

// mark gives the marks to add to.
func (h *header) mark() *marks {
	if h.marks == nil {
		h.marks = &marks{}
	}
	return h.marks
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	if len(list) > 0 {
		b = binary.AppendVarint(b, int64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	return append(b, 0)
}

func (h *header) append(b []byte) []byte {
	b = appendText(b, h.entity)
	b = appendTexts(b, h.ids)
	b = binary.AppendVarint(b, int64(h.change))
	b = appendText(b, h.origin)
	b = appendText(b, h.transaction)
	b = binary.AppendVarint(b, int64(h.sequence))
	b = binary.AppendVarint(b, h.timestamp)
	b = binary.AppendVarint(b, h.commit)
	b = appendText(b, h.user)
	if h.marks == nil {
		return append(b, 0, 0, 0) // three empty lists
	}
	b = appendTexts(b, h.marks.nulled.list())
	b = appendTexts(b, h.marks.diff.list())
	return appendTexts(b, h.marks.changed.list())
}

const (
	unionNull  = 0
	unionValue = 2 // branch 1, zigzag
)

// appendValue writes a value in its union with null.
func appendValue(b []byte, w wire, r org.Raw) []byte {
	if r.Kind() == schema.KindNull {
		return append(b, unionNull)
	}
	b = append(b, unionValue)
	switch w {
	case wireBoolean:
		if r.True() {
			return append(b, 1)
		}
		return append(b, 0)
	case wireInt:
		return binary.AppendVarint(b, int64(r.Float()))
	case wireDouble:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(r.Float()))
	case wireLong:
		return binary.AppendVarint(b, millis(r))
	}
	return append(binary.AppendVarint(b, int64(len(r.Text()))), r.Text()...)
}

func millis(r org.Raw) int64 {
	switch r.Kind() {
	case schema.KindDate:
		return r.Count() * 24 * 60 * 60 * 1000
	case schema.KindInstant:
		return r.Count() * 1000
	}
	return r.Count()
}

// appendCompound writes the members that show; null if none of them has a
// value.
func (f *field) appendCompound(b []byte, raws []org.Raw, show func(member int) bool) []byte {
	filled := false
	for i, p := range f.parts {
		filled = filled || p.src != nil && show(i) && raws[p.src.Slot].Kind() != schema.KindNull
	}
	if !filled {
		return append(b, unionNull)
	}
	b = append(b, unionValue)
	for i, p := range f.parts {
		var r org.Raw
		if p.src != nil && show(i) {
			r = raws[p.src.Slot]
		}
		b = appendValue(b, p.wire, r)
	}
	return b
}

// mask is the header without word of fields that its reader may not see.
func (l *Layout) mask(h *header, hidden func(*schema.Field) bool) *header {
	if h.marks == nil {
		return h
	}
	masked := h
	hide := func(place, member int, f *schema.Field) {
		if !hidden(f) {
			return
		}
		if masked == h {
			m := *h
			m.marks = &marks{nulled: h.marks.nulled.clone(), diff: h.marks.diff.clone(), changed: h.marks.changed.clone()}
			masked = &m
		}
		for _, b := range []*bitmap{&masked.marks.changed, &masked.marks.nulled, &masked.marks.diff} {
			b.drop(place, member)
		}
	}
	for i := range l.fields {
		f := &l.fields[i]
		if f.wire != wireRecord {
			hide(i+1, -1, f.src)
			continue
		}
		for k, p := range f.parts {
			hide(i+1, k, p.src)
		}
	}
	return masked
}
