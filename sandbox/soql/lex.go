package soql

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokIdent
	tokString
	tokNumber
	tokDate     // 2026-11-22
	tokDateTime // 2026-11-22T14:35:00Z
	tokTime     // 14:35:00.000Z
	tokOp       // = != < <= > >= ( ) , . : + -
)

// token is one word of a query. text is the source, except for a string, where
// it is the unescaped value.
type token struct {
	kind tokenKind
	text string
	pos  int
}

func (t token) shown() string {
	if t.kind == tokEOF {
		return "<EOF>"
	}
	return t.text
}

// lexer cuts a query into tokens; the first fault stays in err.
type lexer struct {
	src string
	pos int
	err *Error
}

func (l *lexer) fail(pos int, bad string) token {
	if l.err == nil {
		row, column, _, _ := locate(l.src, pos)
		l.err = malformed("line %d:%d no viable alternative at character '%s'", row, column-1, bad)
	}
	l.pos = len(l.src)
	return token{kind: tokEOF, pos: len(l.src)}
}

func (l *lexer) next() token {
	for l.pos < len(l.src) && isSpace(l.src[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEOF, pos: start}
	}
	c := l.src[start]
	switch {
	case isLetter(c):
		for l.pos < len(l.src) && (isLetter(l.src[l.pos]) || isDigit(l.src[l.pos])) {
			l.pos++
		}
		return token{tokIdent, l.src[start:l.pos], start}
	case isDigit(c):
		return l.digits(start)
	case c == '\'':
		return l.quoted(start)
	}
	return l.operator(start)
}

func (l *lexer) operator(start int) token {
	rest := l.src[start:]
	for _, op := range []string{"!=", "<>", "<=", ">="} {
		if strings.HasPrefix(rest, op) {
			l.pos += 2
			return token{tokOp, op, start}
		}
	}
	if strings.IndexByte("=<>(),.:+-", rest[0]) >= 0 {
		l.pos++
		return token{tokOp, rest[:1], start}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return l.fail(start, rest[:size])
}

// digits reads a number, date, datetime or time.
func (l *lexer) digits(start int) token {
	rest := l.src[start:]
	if n := match(rest, "dddd-dd-dd"); n > 0 {
		l.pos = start + n
		t := match(rest[n:], "Tdd:dd:dd")
		if t == 0 {
			return token{tokDate, rest[:n], start}
		}
		l.pos += t
		l.fraction()
		l.zone()
		return token{tokDateTime, l.src[start:l.pos], start}
	}
	if n := match(rest, "dd:dd:dd"); n > 0 {
		l.pos = start + n
		l.fraction()
		l.zone()
		return token{tokTime, l.src[start:l.pos], start}
	}
	l.run()
	l.fraction()
	if l.pos < len(l.src) && (l.src[l.pos] == 'e' || l.src[l.pos] == 'E') {
		mark := l.pos
		l.pos++
		if l.pos < len(l.src) && (l.src[l.pos] == '+' || l.src[l.pos] == '-') {
			l.pos++
		}
		if !l.run() {
			l.pos = mark
		}
	}
	return token{tokNumber, l.src[start:l.pos], start}
}

func (l *lexer) run() bool {
	start := l.pos
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
	return l.pos > start
}

func (l *lexer) fraction() {
	if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && isDigit(l.src[l.pos+1]) {
		l.pos++
		l.run()
	}
}

func (l *lexer) zone() {
	rest := l.src[l.pos:]
	for _, shape := range []string{"Z", "z", "+dd:dd", "-dd:dd", "+dddd", "-dddd"} {
		if n := match(rest, shape); n > 0 {
			l.pos += n
			return
		}
	}
}

// match tells how many bytes of s fit a shape, where d stands for a digit; 0 if
// they don't.
func match(s, shape string) int {
	if len(s) < len(shape) {
		return 0
	}
	for i := range len(shape) {
		if shape[i] == 'd' {
			if !isDigit(s[i]) {
				return 0
			}
		} else if s[i] != shape[i] {
			return 0
		}
	}
	return len(shape)
}

var escapes = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\r`, "\r", `\R`, "\r", `\t`, "\t", `\T`, "\t",
	`\b`, "\b", `\f`, "\f", `\"`, `"`, `\'`, "'", `\\`, `\`)

// quoted reads a string. \_ and \% stay as they are: LIKE gives them a meaning.
func (l *lexer) quoted(start int) token {
	for i := start + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			if i++; i < len(l.src) && strings.IndexByte(`nNrRtTbf"'\_%`, l.src[i]) < 0 {
				return l.fail(i, l.src[i:i+1])
			}
		case '\'':
			l.pos = i + 1
			return token{tokString, escapes.Replace(l.src[start+1 : i]), start}
		}
	}
	return l.fail(len(l.src), "<EOF>")
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
