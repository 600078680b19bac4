package org

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// plotKind is how the values of a field of a plot are computed.
type plotKind uint8

const (
	plotConstant plotKind = iota
	plotBool
	plotInt
	plotDecimal
	plotDegrees
	plotDate
	plotInstant
	plotTime
	plotPick
	plotMulti
	plotLookup
	plotStamp
	plotAuto
	plotSerial // a number that is the record's own
	plotFull   // the names of people, joined
	plotText   // see plotField.Text
)

// always is the share of a field that is empty in every record.
const always = 10

// plotField is what one field of a plot is computed from. It is fixed when the
// plot is made; later edits of the schema do not reach it.
type plotField struct {
	Slot int
	Kind plotKind
	// Empty is in how many of ten records the field is null; Else is what such
	// a record gets instead, as appendValue writes it.
	Empty uint64
	Else  []byte
	// Length, Whole and Scale bound texts and numbers.
	Length, Whole, Scale int
	Text                 string // kind of text, see appendText
	Label                string
	Picks                []string
	Parts                []int
	// Base is the counter of an auto-number before the plot.
	Base uint64
	// Pool is the records that a lookup points to: record i to the one at place
	// (i*Step + Shift) mod Pool.Size, so that the children of each can be told;
	// Back is the inverse of Step.
	Pool              pool
	Step, Shift, Back uint64
}

// dice is a splitmix64 generator: each value of each record has its own.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) one(list []string) string { return list[d.below(len(list))] }

func (p *plot) dice(i uint64, slot int) dice {
	d := dice(p.Seed*0xd1342543de82ef95 ^ (p.First+i)*0xaf251af3b0f025b5 ^ uint64(slot+1)*0x2545f4914f6cdd1d)
	d.next()
	return d
}

// placeSlot draws what the parts of an address have in common.
const placeSlot = 1 << 20

func appendUvarint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// appendField appends tag and payload of a field of the i-th record, nothing
// for null.
func (p *plot) appendField(b []byte, i uint64, f *plotField) []byte {
	d := p.dice(i, f.Slot)
	if f.Empty > 0 && d.next()%always < f.Empty {
		return append(b, f.Else...)
	}
	start := len(b)
	switch f.Kind {
	case plotBool:
		return appendValue(b, schema.Bool(d.below(3) == 0))
	case plotInt:
		return appendValue(b, schema.Number(float64(d.below(int(math.Pow10(f.Whole))))))
	case plotSerial:
		if n := p.First + i; float64(n) < math.Pow10(f.Whole) {
			b = appendValue(b, schema.Number(float64(n)))
		}
	case plotDecimal:
		return appendValue(b, schema.Number(f.decimal(&d)))
	case plotDegrees:
		return appendValue(b, schema.Number(float64(d.below(170e6)-85e6)/1e6))
	case plotDate:
		return appendValue(b, schema.Date(p.day(&d)))
	case plotInstant:
		return appendValue(b, schema.Instant(p.day(&d)*86400+int64(d.below(86400))))
	case plotTime:
		return appendValue(b, schema.TimeOfDay(int64(d.below(86400))*1000))
	case plotStamp:
		return appendValue(b, schema.Instant(p.stamp(i)))
	case plotPick:
		return appendValue(b, schema.Text(d.one(f.Picks)))
	case plotLookup:
		return f.Pool.appendValue(b, (i*f.Step+f.Shift)%f.Pool.Size)
	default:
		b = p.appendText(append(b, tagText, 0), i, f, &d)
		b = closeText(b, start, f.Length)
	}
	if len(b) == start {
		return append(b, f.Else...)
	}
	return b
}

// closeText cuts the text that follows a tag and a byte of length at start to
// the field's length and puts its real length before it.
func closeText(b []byte, start, limit int) []byte {
	from := start + 2
	if limit > 0 && len(b)-from > limit {
		b = cut(b, from, limit)
	}
	for len(b) > from && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	n := len(b) - from
	if n == 0 {
		return b[:start]
	}
	if n < 0x80 {
		b[from-1] = byte(n)
		return b
	}
	var size [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(size[:], uint64(n))
	b = append(b, size[:k-1]...)
	copy(b[from+k-1:], b[from:from+n])
	copy(b[from-1:], size[:k])
	return b
}

// cut leaves at most limit UTF-16 units of the text from from on.
func cut(b []byte, from, limit int) []byte {
	units := 0
	for at := from; at < len(b); {
		r, size := utf8.DecodeRune(b[at:])
		if units++; r > 0xffff {
			units++
		}
		if units > limit {
			return b[:at]
		}
		at += size
	}
	return b
}

// decimal draws whole, fractional and extreme numbers within the field.
func (f *plotField) decimal(d *dice) float64 {
	unit := math.Pow10(f.Scale)
	switch kind := d.below(20); kind {
	case 0:
		return 0
	case 2:
		return math.Pow10(f.Whole - 1)
	default:
		most := math.Pow10(d.below(f.Whole) + 1)
		n := math.Floor(float64(d.next()>>11)/(1<<53)*most*unit) / unit
		if kind == 1 {
			return -n
		}
		return n
	}
}

// day draws days mostly around the seeding, sometimes the ends of Salesforce's
// range.
func (p *plot) day(d *dice) int64 {
	switch d.below(400) {
	case 0:
		return firstDay
	case 1:
		return lastDay
	}
	return p.Now/86400 - 1500 + int64(d.below(2000))
}

func (p *plot) appendText(b []byte, i uint64, f *plotField, d *dice) []byte {
	n := p.First + i
	switch f.Kind {
	case plotMulti:
		return f.appendMulti(b, d)
	case plotAuto:
		return appendPadded(b, 1000+f.Base+i+1, 8)
	case plotFull:
		return p.appendFull(b, i, f)
	}
	switch f.Text {
	case "external":
		return appendPadded(append(append(b, f.Label...), '-'), n, 7)
	case "title":
		b = append(append(b, d.one(companyWords)...), ' ')
		b = append(append(b, d.one(companyWords)...), ' ')
		return strconv.AppendUint(append(append(b, d.one(companyForms)...), ' '), n, 10)
	case "deal":
		b = append(append(b, d.one(companyWords)...), " - "...)
		return strconv.AppendUint(append(append(b, d.one(dealKinds)...), ' '), n, 10)
	case "own":
		b = append(append(b, d.one(companyWords)...), ' ')
		return strconv.AppendUint(append(append(b, f.Label...), ' '), n, 10)
	case "short":
		return strconv.AppendUint(append(b, 'u'), n, 10)
	case "email":
		b = append(appendLower(b, d.one(companyWords)), '.')
		return append(strconv.AppendUint(b, n, 10), "@example.com"...)
	case "url":
		b = append(appendLower(append(b, "https://www."...), d.one(companyWords)), '-')
		return append(strconv.AppendUint(b, n, 10), ".example"...)
	}
	return p.appendWords(b, i, f, d)
}

// appendWords is the texts that do not name their record.
func (p *plot) appendWords(b []byte, i uint64, f *plotField, d *dice) []byte {
	switch f.Text {
	case "first":
		return append(b, d.one(firstNames)...)
	case "last":
		return append(b, d.one(lastNames)...)
	case "job":
		return append(b, d.one(jobTitles)...)
	case "City", "State", "Country":
		place := p.dice(i, placeSlot)
		return append(b, places[place.below(len(places))][f.Whole]...)
	case "Street":
		b = append(strconv.AppendInt(b, int64(d.below(900)+1), 10), ' ')
		return append(b, d.one(streets)...)
	case "PostalCode":
		return appendPadded(b, uint64(d.below(100000)), 5)
	case "phone":
		b = append(appendPadded(append(b, "+1 (555) "...), uint64(d.below(1000)), 3), '-')
		return appendPadded(b, uint64(d.below(10000)), 4)
	case "prose":
		return appendProse(b, d)
	}
	b = append(append(b, d.one(companyWords)...), ' ')
	return strconv.AppendInt(b, int64(d.below(10000)), 10)
}

func (f *plotField) appendMulti(b []byte, d *dice) []byte {
	start := len(b)
	for _, v := range f.Picks {
		if d.below(3) == 0 {
			if len(b) > start {
				b = append(b, ';')
			}
			b = append(b, v...)
		}
	}
	return b
}

// appendFull joins the parts of a person's name.
func (p *plot) appendFull(b []byte, i uint64, f *plotField) []byte {
	start := len(b)
	for _, slot := range f.Parts {
		s := p.value(i, slot).Str()
		if s != "" && len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, s...)
	}
	return b
}

func appendProse(b []byte, d *dice) []byte {
	if d.below(50) == 0 {
		b = append(b, "=SUM(A1:A9) "...)
	}
	for i := range 1 + d.below(4) {
		if i > 0 {
			b = append(b, d.one(breaks)...)
		}
		b = append(b, d.one(sentencesOf)...)
	}
	return b
}

func appendPadded(b []byte, n uint64, width int) []byte {
	for limit := uint64(10); width > 1; width, limit = width-1, limit*10 {
		if n < limit {
			b = append(b, "00000000"[:width-1]...)
			break
		}
	}
	return strconv.AppendUint(b, n, 10)
}

func appendLower(b []byte, s string) []byte {
	return append(append(b, s[0]|0x20), s[1:]...)
}

// numbered says whether a text names its record's number, so that the record
// can be told from the text.
func (f *plotField) numbered() bool {
	return f.Kind == plotText && strings.Contains(" external title deal own short email url ", " "+f.Text+" ")
}
