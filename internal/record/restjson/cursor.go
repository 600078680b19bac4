package restjson

import (
	"bytes"
	"unicode/utf8"
)

// cursor walks over JSON that is known to be valid, and so need not check.
type cursor struct {
	buf []byte
	pos int
}

func (c *cursor) space() {
	for {
		switch c.buf[c.pos] {
		case ' ', '\n', '\r', '\t':
			c.pos++
		default:
			return
		}
	}
}

// peek is the first byte of what comes next.
func (c *cursor) peek() byte {
	c.space()
	return c.buf[c.pos]
}

// more steps over a comma to the next member, or over the end.
func (c *cursor) more(end byte) bool {
	switch c.peek() {
	case end:
		c.pos++
		return false
	case ',':
		c.pos++
		c.space()
	}
	return true
}

func (c *cursor) colon() {
	c.space()
	c.pos++
	c.space()
}

// value steps over the value at the cursor and returns it as it stands.
func (c *cursor) value() []byte {
	start := c.pos
	switch c.buf[c.pos] {
	case '"':
		c.string()
	case '{', '[':
		c.composite()
	default:
		for c.pos < len(c.buf) && !delimiter(c.buf[c.pos]) {
			c.pos++
		}
	}
	return c.buf[start:c.pos]
}

func delimiter(b byte) bool {
	switch b {
	case ',', '}', ']', ' ', '\n', '\r', '\t':
		return true
	default:
		return false
	}
}

func (c *cursor) string() {
	for {
		c.pos++
		c.pos += bytes.IndexByte(c.buf[c.pos:], '"')
		escapes := 0
		for c.buf[c.pos-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			c.pos++
			return
		}
	}
}

func (c *cursor) composite() {
	for depth := 0; ; {
		switch c.buf[c.pos] {
		case '"':
			c.string()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.pos++
		if depth == 0 {
			return
		}
	}
}

// plain says whether the inside of a JSON string is its own text.
func plain(inner []byte) bool {
	return bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner)
}
