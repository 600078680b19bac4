package soql

import (
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// periods are the date literals; true: one that takes a number.
var periods = map[string]bool{
	"YESTERDAY": false, "TODAY": false, "TOMORROW": false,
	"LAST_WEEK": false, "THIS_WEEK": false, "NEXT_WEEK": false,
	"LAST_MONTH": false, "THIS_MONTH": false, "NEXT_MONTH": false,
	"LAST_90_DAYS": false, "NEXT_90_DAYS": false,
	"LAST_QUARTER": false, "THIS_QUARTER": false, "NEXT_QUARTER": false,
	"LAST_YEAR": false, "THIS_YEAR": false, "NEXT_YEAR": false,
	"LAST_FISCAL_QUARTER": false, "THIS_FISCAL_QUARTER": false, "NEXT_FISCAL_QUARTER": false,
	"LAST_FISCAL_YEAR": false, "THIS_FISCAL_YEAR": false, "NEXT_FISCAL_YEAR": false,
	"LAST_N_DAYS": true, "NEXT_N_DAYS": true, "N_DAYS_AGO": true,
	"LAST_N_WEEKS": true, "NEXT_N_WEEKS": true, "N_WEEKS_AGO": true,
	"LAST_N_MONTHS": true, "NEXT_N_MONTHS": true, "N_MONTHS_AGO": true,
	"LAST_N_QUARTERS": true, "NEXT_N_QUARTERS": true, "N_QUARTERS_AGO": true,
	"LAST_N_YEARS": true, "NEXT_N_YEARS": true, "N_YEARS_AGO": true,
	"LAST_N_FISCAL_QUARTERS": true, "NEXT_N_FISCAL_QUARTERS": true, "N_FISCAL_QUARTERS_AGO": true,
	"LAST_N_FISCAL_YEARS": true, "NEXT_N_FISCAL_YEARS": true, "N_FISCAL_YEARS_AGO": true,
}

// maxPeriods bounds n of LAST_N_…:n so that no date leaves the calendar.
const maxPeriods = 100_000

// period is the half-open range [from, to) that a date literal names on a clock.
// Weeks start on Sunday; the fiscal year is the calendar year.
func period(word string, n int, now time.Time) (from, to time.Time) {
	word = strings.Replace(word, "_FISCAL_", "_", 1)
	n = min(max(n, 0), maxPeriods)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch word {
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today
	case "TODAY":
		return today, today.AddDate(0, 0, 1)
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2)
	case "LAST_90_DAYS":
		return today.AddDate(0, 0, -90), today.AddDate(0, 0, 1)
	case "NEXT_90_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 91)
	case "LAST_N_DAYS": // today counts
		return today.AddDate(0, 0, -n), today.AddDate(0, 0, 1)
	}
	unit, first, last := span(word, n)
	start := unit.start(today)
	return unit.add(start, first), unit.add(start, last+1)
}

type unit uint8

const (
	unitDay unit = iota
	unitWeek
	unitMonth
	unitQuarter
	unitYear
)

// span reads unit and range, both ends included, counted from the present one.
func span(word string, n int) (u unit, first, last int) {
	for name, v := range map[string]unit{"DAY": unitDay, "WEEK": unitWeek, "MONTH": unitMonth, "QUARTER": unitQuarter, "YEAR": unitYear} {
		if strings.Contains(word, "_"+name) {
			u = v
		}
	}
	switch {
	case strings.HasPrefix(word, "LAST_N_"):
		return u, -n, -1
	case strings.HasPrefix(word, "NEXT_N_"):
		return u, 1, n
	case strings.HasSuffix(word, "_AGO"):
		return u, -n, -n
	case strings.HasPrefix(word, "LAST_"):
		return u, -1, -1
	case strings.HasPrefix(word, "NEXT_"):
		return u, 1, 1
	}
	return u, 0, 0
}

func (u unit) start(day time.Time) time.Time {
	y, m, d := day.Date()
	switch u {
	case unitWeek:
		d -= int(day.Weekday())
	case unitMonth:
		d = 1
	case unitQuarter:
		m, d = m-(m-1)%3, 1
	case unitYear:
		m, d = 1, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, day.Location())
}

func (u unit) add(t time.Time, n int) time.Time {
	switch u {
	case unitWeek:
		return t.AddDate(0, 0, 7*n)
	case unitMonth:
		return t.AddDate(0, n, 0)
	case unitQuarter:
		return t.AddDate(0, 3*n, 0)
	case unitYear:
		return t.AddDate(n, 0, 0)
	}
	return t.AddDate(0, 0, n)
}

// periodValues are the ends of a date literal as values of a date or datetime
// field.
func periodValues(lit Literal, date bool, now time.Time) (from, to schema.Value) {
	a, b := period(lit.Text, lit.N, now)
	if date {
		return schema.Date(schema.DaysOf(a)), schema.Date(schema.DaysOf(b))
	}
	return schema.InstantOf(a), schema.InstantOf(b)
}
