package inbox

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPattern bounds a pattern, in characters.
const maxPattern = 200

// blank stands for what differs.
const blank = "…"

// Pattern is a message without what differs between records: Ids, numbers,
// dates, addresses, quoted values. Equal patterns of one code count as one cause.
// It is written by hand, since a log may hold a hundred thousand messages.
func Pattern(message string) string {
	head, tail := cutValue(message)
	s := scanner{in: head}
	for s.pos < len(s.in) && s.count < maxPattern {
		s.step()
	}
	out := strings.TrimSpace(s.out.String()) + tail
	if utf8.RuneCountInString(out) > maxPattern {
		out = string([]rune(out)[:maxPattern])
	}
	return strings.TrimSpace(out)
}

// valueAfter are the beginnings of messages that end with the value that was
// refused, unquoted.
var valueAfter = []string{
	"bad value for restricted picklist field: ", "data value too large: ", "value not of required type: ",
	"nvalid email address: ", "malformed id ",
}

// cutValue parts a message from the value at its end.
func cutValue(message string) (head, tail string) {
	for _, before := range valueAfter {
		i := strings.Index(message, before)
		if i < 0 {
			continue
		}
		i += len(before)
		tail = blank
		if strings.Contains(message[i:], " (max length=") {
			tail += " (max length=" + blank + ")"
		}
		return message[:i], " " + tail
	}
	return message, ""
}

// scanner goes through a message word by word.
type scanner struct {
	in    string
	pos   int
	out   strings.Builder
	last  rune // written last
	count int  // characters written
}

func (s *scanner) put(text string) {
	s.out.WriteString(text)
	s.count += utf8.RuneCountInString(text)
	s.last, _ = utf8.DecodeLastRuneInString(text)
}

// blank writes the mark, once for a list.
func (s *scanner) blank() {
	if strings.HasSuffix(s.out.String(), blank+", ") {
		list := strings.TrimSuffix(s.out.String(), ", ")
		s.out.Reset()
		s.out.WriteString(list)
		s.last, s.count = '…', s.count-2
		return
	}
	s.put(blank)
}

func (s *scanner) step() {
	r, size := utf8.DecodeRuneInString(s.in[s.pos:])
	if n := s.quoted(r); n > 0 {
		s.blank()
		s.pos += n
		return
	}
	switch {
	case isWord(r):
		s.word()
	case unicode.IsSpace(r):
		if s.last != ' ' {
			s.put(" ")
		}
		s.pos += size
	default:
		s.put(string(r))
		s.pos += size
	}
}

// quoted is the length of a quoted value that begins here; 0 if none does. An
// apostrophe within a word is no quote.
func (s *scanner) quoted(r rune) int {
	var end string
	switch r {
	case '"':
		end = `"`
	case '“':
		end = "”"
	case '\'':
		if s.last != 0 && !strings.ContainsRune(" (:=,[", s.last) {
			return 0
		}
		end = "'"
	default:
		return 0
	}
	begin := s.pos + utf8.RuneLen(r)
	i := strings.Index(s.in[begin:], end)
	if i < 0 {
		return 0
	}
	return begin - s.pos + i + len(end)
}

// word writes a word, or the mark in its place.
func (s *scanner) word() {
	rest := s.in[s.pos:]
	n := 0
	for n < len(rest) && isWord(rune(rest[n])) {
		n++
	}
	if m := differs(rest, n); m > 0 {
		s.blank()
		s.pos += m
		return
	}
	s.put(rest[:n])
	s.pos += n
}

// differs is the length of what begins with a word of n bytes and is no part of
// a pattern: an address, an Id, a number; 0 if it is just a word.
func differs(rest string, n int) int {
	run := len(rest)
	if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
		run = i
	}
	if strings.HasPrefix(rest, "http://") || strings.HasPrefix(rest, "https://") {
		return run
	}
	if i := strings.IndexByte(rest[:run], '@'); i > 0 {
		return len(strings.TrimRight(rest[:run], ".,;:)]"))
	}
	if isUUID(rest) {
		return 36
	}
	word := rest[:n]
	digit := strings.ContainsAny(word, "0123456789")
	if digit && (n == 15 || n == 18) && !strings.Contains(word, "_") {
		return n
	}
	return number(rest)
}

func isUUID(s string) bool {
	if len(s) < 36 || len(s) > 36 && isWord(rune(s[36])) {
		return false
	}
	for i := range 36 {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// number is the length of a number, a date or a time; 0 if there is none.
func number(s string) int {
	n := digits(s)
	for n > 0 {
		m := n
		for m < len(s) && strings.IndexByte(".,:/TZ-+", s[m]) >= 0 {
			m++
		}
		d := digits(s[m:])
		if d == 0 {
			break
		}
		n = m + d
	}
	if n > 0 && n < len(s) && s[n] == 'Z' {
		n++
	}
	if n < len(s) && isWord(rune(s[n])) {
		return 0 // "3rd"
	}
	return n
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
