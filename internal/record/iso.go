package record

import (
	"strconv"
	"time"
)

// Postgres counts dates and timestamps from this day.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	epochUnixDays = 10957 // days from 1970-01-01 to 2000-01-01
	microsPerDay  = 24 * 60 * 60 * 1_000_000
	microsPerSec  = 1_000_000
	secondsPerDay = 24 * 60 * 60
	firstDay      = -730119 // 0001-01-01
	lastDay       = 2921939 // 9999-12-31
)

// bytesOrString lets the parsers read a page's bytes and a string alike
// without a copy.
type bytesOrString interface{ ~[]byte | ~string }

// digits reads n decimal digits of s from i.
func digits[S bytesOrString](s S, i, n int) (int, bool) {
	if i+n > len(s) {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[i : i+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// isoDate reads the YYYY-MM-DD that s begins with as days since the epoch.
func isoDate[S bytesOrString](s S) (days int, ok bool) {
	y, okY := digits(s, 0, 4)
	m, okM := digits(s, 5, 2)
	d, okD := digits(s, 8, 2)
	if !okY || !okM || !okD || s[4] != '-' || s[7] != '-' || y == 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	return civilDays(y, m, d) - epochUnixDays, true
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// civilDays counts days since 1970-01-01 in the proleptic Gregorian calendar.
// Years are counted from March, so that a leap day is a year's last.
func civilDays(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}

// isoClock reads HH:MM:SS with up to nine digits of a second from s, as
// microseconds (rounded down), and returns what follows.
func isoClock[S bytesOrString](s S) (micros int64, rest S, ok bool) {
	h, okH := digits(s, 0, 2)
	m, okM := digits(s, 3, 2)
	sec, okS := digits(s, 6, 2)
	if !okH || !okM || !okS || s[2] != ':' || s[5] != ':' || h > 23 || m > 59 || sec > 59 {
		return 0, rest, false
	}
	micros = int64(h*3600+m*60+sec) * microsPerSec
	i := 8
	if i < len(s) && s[i] == '.' {
		i++
		start, unit := i, int64(microsPerSec)
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			unit /= 10
			micros += unit * int64(s[i]-'0')
		}
		if i == start || i-start > 9 {
			return 0, rest, false
		}
	}
	return micros, s[i:], true
}

// isoOffset reads Z, ±HH, ±HHMM, ±HH:MM or ±HH:MM:SS (as zones had them before
// there were railways), all of s, as seconds east of UTC.
// Nothing at all is UTC.
func isoOffset[S bytesOrString](s S) (seconds int, ok bool) {
	if len(s) == 0 || (len(s) == 1 && s[0] == 'Z') {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok := digits(s, 1, 2)
	m, sec := 0, 0
	if ok && len(s) == 9 && s[6] == ':' {
		if sec, ok = digits(s, 7, 2); ok && sec < 60 {
			s = s[:6]
		}
	}
	switch {
	case !ok || h > 18:
		return 0, false
	case len(s) == 3:
	case len(s) == 5:
		m, ok = digits(s, 3, 2)
	case len(s) == 6 && s[3] == ':':
		m, ok = digits(s, 4, 2)
	default:
		return 0, false
	}
	if !ok || m > 59 {
		return 0, false
	}
	seconds = h*3600 + m*60 + sec
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// isoTimestamp reads a date, a space or T, a time of day and an optional
// offset, as microseconds since the epoch in UTC.
func isoTimestamp[S bytesOrString](s S) (micros int64, ok bool) {
	days, ok := isoDate(s)
	if !ok || len(s) < 11 || (s[10] != ' ' && s[10] != 'T') {
		return 0, false
	}
	clock, rest, ok := isoClock(s[11:])
	if !ok {
		return 0, false
	}
	offset, ok := isoOffset(rest)
	if !ok {
		return 0, false
	}
	micros = int64(days)*microsPerDay + clock - int64(offset)*microsPerSec
	return micros, micros >= firstDay*microsPerDay && micros < (lastDay+1)*microsPerDay
}

// isoTime reads a time of day with an optional Z, as microseconds.
func isoTime[S bytesOrString](s S) (micros int64, ok bool) {
	micros, rest, ok := isoClock(s)
	if !ok || len(rest) > 1 || (len(rest) == 1 && rest[0] != 'Z') {
		return 0, false
	}
	return micros, true
}

func appendDate(dst []byte, days int) []byte {
	y, m, d := time.Unix(int64(days+epochUnixDays)*secondsPerDay, 0).UTC().Date()
	dst = appendPadded(dst, y, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, int(m), 2)
	dst = append(dst, '-')
	return appendPadded(dst, d, 2)
}

// appendClock writes HH:MM:SS and the fraction: as many digits as it needs, or
// exactly three if millis is set.
func appendClock(dst []byte, micros int64, millis bool) []byte {
	seconds, frac := int(micros/microsPerSec), int(micros%microsPerSec)
	dst = appendPadded(dst, seconds/3600, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds/60%60, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds%60, 2)
	if millis {
		return appendPadded(append(dst, '.'), frac/1000, 3)
	}
	if frac == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), frac, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendPadded(dst []byte, n, width int) []byte {
	for limit := pow10(width - 1); n < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// splitMicros parts a timestamp into its day and the time of that day.
func splitMicros(micros int64) (days int, clock int64) {
	days = int(micros / microsPerDay)
	clock = micros % microsPerDay
	if clock < 0 {
		clock += microsPerDay
		days--
	}
	return days, clock
}

// TimestampValue returns the image of t, which need not be in UTC. Parts of a
// microsecond are dropped.
func TimestampValue(t time.Time) Value {
	return int64Value(t.UnixMicro() - epoch.UnixMicro())
}

// Time reads a Timestamp image, in UTC; NULL reads as the zero time.
func (v Value) Time() time.Time {
	if len(v) != 8 {
		return time.Time{}
	}
	return time.UnixMicro(v.Int64() + epoch.UnixMicro()).UTC()
}
