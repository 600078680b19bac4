package hstoretext

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pair is one key and its value.
type Pair struct {
	Key   string
	Value string
	// Null tells NULL from the empty string; Value is "" then.
	Null bool
}

// SyntaxError says why a text is no hstore.
type SyntaxError struct {
	// Offset is the byte at which the text went wrong.
	Offset  int
	Problem string
}

// Error names the place and the problem. It does not quote the text, which
// holds the application's data.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("hstore text, byte %d: %s", e.Offset, e.Problem)
}

// Parse reads an hstore's text. The pairs come in hstore's own order, which
// [Append] writes: by the key's length, then by its bytes. Of a key given
// more than once the first value counts, as with Postgres.
func Parse(s string) ([]Pair, error) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return nil, &SyntaxError{Offset: i, Problem: "a NUL character cannot stand in a text"}
	}
	if !utf8.ValidString(s) {
		return nil, &SyntaxError{Problem: "the text is not UTF-8"}
	}
	p := parser{in: s}
	pairs, err := p.pairs()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(pairs, compareKeys)
	return slices.CompactFunc(pairs, func(a, b Pair) bool { return a.Key == b.Key }), nil
}

func compareKeys(a, b Pair) int {
	if d := cmp.Compare(len(a.Key), len(b.Key)); d != 0 {
		return d
	}
	return strings.Compare(a.Key, b.Key)
}

type parser struct {
	in  string
	pos int
	buf []byte
}

func (p *parser) fail(problem string) error {
	return &SyntaxError{Offset: p.pos, Problem: problem}
}

func (p *parser) pairs() ([]Pair, error) {
	var out []Pair
	for {
		p.space()
		if p.end() {
			return out, nil // also after a comma: Postgres lets it stand
		}
		pair, err := p.pair()
		if err != nil {
			return nil, err
		}
		out = append(out, pair)
		p.space()
		if p.end() {
			return out, nil
		}
		if p.in[p.pos] != ',' {
			return nil, p.fail("a comma is wanted between pairs")
		}
		p.pos++
	}
}

func (p *parser) pair() (Pair, error) {
	key, _, err := p.word('=')
	if err != nil {
		return Pair{}, err
	}
	p.space()
	if !strings.HasPrefix(p.in[p.pos:], "=>") {
		return Pair{}, p.fail("=> is wanted after a key")
	}
	p.pos += 2
	p.space()
	if p.end() {
		return Pair{}, p.fail("a value is wanted after =>")
	}
	value, quoted, err := p.word(',')
	if err != nil {
		return Pair{}, err
	}
	if !quoted && strings.EqualFold(value, "null") && len(value) == 4 {
		return Pair{Key: key, Null: true}, nil
	}
	return Pair{Key: key, Value: value}, nil
}

// word reads a quoted or bare word. A bare one ends before a space or the stop
// character; it cannot begin with "=" where that is the stop, while as a value
// it may begin with the comma it would end at.
func (p *parser) word(stop byte) (word string, quoted bool, err error) {
	p.buf = p.buf[:0]
	if p.in[p.pos] == '"' {
		p.pos++
		return p.quoted()
	}
	if stop == '=' && p.in[p.pos] == '=' {
		return "", false, p.fail("a key is wanted before =")
	}
	for first := true; !p.end(); first = false {
		c := p.in[p.pos]
		if isSpace(c) || (c == stop && !first) {
			break
		}
		if err := p.char(); err != nil {
			return "", false, err
		}
	}
	return string(p.buf), false, nil
}

func (p *parser) quoted() (string, bool, error) {
	for !p.end() {
		if p.in[p.pos] == '"' {
			p.pos++
			return string(p.buf), true, nil
		}
		if err := p.char(); err != nil {
			return "", false, err
		}
	}
	return "", false, p.fail("the quoted text has no end")
}

// char takes one byte, or the byte that a backslash makes literal.
func (p *parser) char() error {
	if p.in[p.pos] == '\\' {
		p.pos++
		if p.end() {
			return p.fail("nothing follows the backslash")
		}
	}
	p.buf = append(p.buf, p.in[p.pos])
	p.pos++
	return nil
}

func (p *parser) end() bool { return p.pos >= len(p.in) }

func (p *parser) space() {
	for !p.end() && isSpace(p.in[p.pos]) {
		p.pos++
	}
}

// isSpace leaves out the vertical tab: PostgreSQL 15 takes it for a letter
// here, and servers differ. None prints one outside of quotes.
func isSpace(c byte) bool { return strings.IndexByte(" \t\n\f\r", c) >= 0 }

// Append writes pairs as Postgres prints an hstore: sorted, each key once (the
// first of several counts), everything quoted but NULL. It does not change the
// slice.
func Append(dst []byte, pairs []Pair) []byte {
	if !slices.IsSortedFunc(pairs, compareKeys) {
		pairs = slices.Clone(pairs)
		slices.SortStableFunc(pairs, compareKeys)
	}
	start := len(dst)
	for i, pair := range pairs {
		if i > 0 && pairs[i-1].Key == pair.Key {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = append(appendQuoted(dst, pair.Key), "=>"...)
		if pair.Null {
			dst = append(dst, "NULL"...)
		} else {
			dst = appendQuoted(dst, pair.Value)
		}
	}
	return dst
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// Get finds a key's pair.
func Get(pairs []Pair, key string) (Pair, bool) {
	i := slices.IndexFunc(pairs, func(p Pair) bool { return p.Key == key })
	if i < 0 {
		return Pair{}, false
	}
	return pairs[i], true
}
