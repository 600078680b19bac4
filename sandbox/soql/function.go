package soql

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// dateParts are the functions of a date or datetime that give a number.
var dateParts = map[string]func(time.Time) int{
	"CALENDAR_MONTH":   func(t time.Time) int { return int(t.Month()) },
	"CALENDAR_QUARTER": func(t time.Time) int { return (int(t.Month())-1)/3 + 1 },
	"CALENDAR_YEAR":    time.Time.Year,
	"DAY_IN_MONTH":     time.Time.Day,
	"DAY_IN_WEEK":      func(t time.Time) int { return int(t.Weekday()) + 1 },
	"DAY_IN_YEAR":      time.Time.YearDay,
	"FISCAL_MONTH":     func(t time.Time) int { return int(t.Month()) },
	"FISCAL_QUARTER":   func(t time.Time) int { return (int(t.Month())-1)/3 + 1 },
	"FISCAL_YEAR":      time.Time.Year,
	"HOUR_IN_DAY":      time.Time.Hour,
	"WEEK_IN_MONTH":    func(t time.Time) int { return (t.Day()-1)/7 + 1 },
	"WEEK_IN_YEAR":     func(t time.Time) int { return (t.YearDay()-1)/7 + 1 },
}

// datePart is a part of a date, or the day of a datetime (DAY_ONLY).
type datePart struct {
	of   operand
	part func(time.Time) int
}

func (d *datePart) field() *schema.Field { return nil }

func (d *datePart) typ() schema.Type {
	if d.part == nil {
		return schema.TypeDate
	}
	return schema.TypeInt
}

func (d *datePart) value(v *view, row Row) schema.Value {
	val := d.of.value(v, row)
	var t time.Time
	switch val.Kind() {
	case schema.KindDate:
		t = time.Unix(val.Days()*24*60*60, 0).UTC()
	case schema.KindInstant:
		t = time.Unix(val.Unix(), 0).In(v.binder.clock().Location())
	default:
		return schema.Null
	}
	if d.part == nil {
		return schema.Date(schema.DaysOf(t))
	}
	return schema.Number(float64(d.part(t)))
}

// call binds a function of one operand outside of aggregates.
func (bi *binding) call(c *Call) (operand, error) {
	if len(c.Args) != 1 {
		return nil, bi.at(CodeMalformed, c, "unexpected token: '('")
	}
	switch c.Name {
	case "TOLABEL", "FORMAT", "CONVERTCURRENCY", "CONVERTTIMEZONE":
		return bi.plain(c.Args[0])
	}
	part, known := dateParts[c.Name]
	if !known && c.Name != "DAY_ONLY" {
		return nil, bi.at(CodeMalformed, c, "unexpected token: '%s'", c.Name)
	}
	of, err := bi.plain(c.Args[0])
	if err != nil {
		return nil, err
	}
	if k := of.typ().Kind(); k != schema.KindDate && k != schema.KindInstant {
		return nil, bi.at(CodeInvalidField, c, "field of type %s can not be used with function %s", of.typ(), c.Name)
	}
	return &datePart{of: of, part: part}, nil
}
