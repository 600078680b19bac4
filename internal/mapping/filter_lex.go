package mapping

import (
	"fmt"
	"strings"
)

type filterTokenKind uint8

const (
	endToken    filterTokenKind = iota
	wordToken                   // a name, a number, a date, a keyword
	textToken                   // in quotes
	symbolToken                 // an operator, a parenthesis, a comma
)

// filterToken is one word of a filter.
type filterToken struct {
	kind filterTokenKind
	text string
	at   int // byte offset
}

// is compares with a keyword.
func (t filterToken) is(word string) bool {
	return t.kind == wordToken && strings.EqualFold(t.text, word)
}

func (t filterToken) startsAsName() bool {
	c := t.text[0] | 0x20
	return c >= 'a' && c <= 'z'
}

func (t filterToken) unexpected(want string) error {
	if t.kind == endToken {
		return fmt.Errorf("it ends where %s is wanted", want)
	}
	return fmt.Errorf("at %s (character %d): %s is wanted", shown(t.text), t.at+1, want)
}

func (t filterToken) clause() error {
	return fmt.Errorf("at %s (character %d): only a condition may stand here, as after WHERE, and no other clause", t.text, t.at+1)
}

// lexFilter cuts a condition into words; the last one is the end.
func lexFilter(s string) ([]filterToken, error) {
	var out []filterToken
	for i := 0; i < len(s); {
		c := s[i]
		var t filterToken
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '\'':
			n, err := quotedLen(s[i:])
			if err != nil {
				return nil, fmt.Errorf("character %d: %w", i+1, err)
			}
			t = filterToken{textToken, s[i : i+n], i}
		case isWordByte(c):
			n := wordLen(s[i:])
			if strings.Contains(s[i:i+n], "--") {
				return nil, fmt.Errorf("character %d: a comment is not allowed", i+1)
			}
			t = filterToken{wordToken, s[i : i+n], i}
		default:
			n := symbolLen(s[i:])
			if n == 0 {
				return nil, fmt.Errorf("character %d: %s has no meaning in a condition", i+1, firstRune(s[i:]))
			}
			t = filterToken{symbolToken, s[i : i+n], i}
		}
		out = append(out, t)
		i += len(t.text)
	}
	return append(out, filterToken{kind: endToken, at: len(s)}), nil
}

// isWordByte holds for names (Account.Name), numbers (-1.5e+3), dates
// (2026-01-01T00:00:00+01:00), currencies (USD5000) and LAST_N_DAYS:3.
func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '.' || c == '-' || c == '+'
}

// wordLen ends a word; a colon belongs to one only inside, so that a bind
// variable of Apex is none.
func wordLen(s string) int {
	n := 1
	for n < len(s) && (isWordByte(s[n]) || s[n] == ':') {
		n++
	}
	return n
}

func symbolLen(s string) int {
	for _, symbol := range []string{"!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","} {
		if strings.HasPrefix(s, symbol) {
			return len(symbol)
		}
	}
	return 0
}

// quotedLen is the length of a text in quotes at the start of s, with them.
func quotedLen(s string) (int, error) {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			return i + 1, nil
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return 0, fmt.Errorf("a control character stands in the text; write it as \\u%04x", c)
		case c == '\\':
			i++
			if i == len(s) || !strings.ContainsRune(`nrtbf"'\_%uNRTBFU`, rune(s[i])) {
				return 0, fmt.Errorf(`a backslash stands before nothing that it may: one of n r t b f u _ %% " ' \`)
			}
		}
	}
	return 0, fmt.Errorf("the text in quotes does not end")
}

func firstRune(s string) string {
	for _, r := range s {
		return fmt.Sprintf("%q", r)
	}
	return ""
}
