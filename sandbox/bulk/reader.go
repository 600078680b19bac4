package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// reader walks over the records of an upload. A quoted value keeps its line
// ends as they are; empty lines between records are skipped.
type reader struct {
	rest  []byte
	delim byte
	// row counts records, the header line being the first.
	row int
}

var errQuote = errors.New("quote is not closed")

func newReader(data []byte, f Format) *reader {
	return &reader{rest: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), delim: f.Delimiter}
}

// next gives the values of the following record; ok is false at the end.
func (r *reader) next() (values []string, ok bool, err error) {
	for len(r.rest) > 0 && (r.rest[0] == '\n' || r.rest[0] == '\r') {
		r.rest = r.rest[1:]
	}
	if len(r.rest) == 0 {
		return nil, false, nil
	}
	r.row++
	for {
		v, end, err := r.value()
		if err != nil {
			return nil, false, fmt.Errorf("row %d: %w", r.row, err)
		}
		values = append(values, v)
		if end {
			return values, true, nil
		}
	}
}

// value reads one value; end says that it was the record's last.
func (r *reader) value() (v string, end bool, err error) {
	if len(r.rest) > 0 && r.rest[0] == '"' {
		return r.quoted()
	}
	i := bytes.IndexFunc(r.rest, func(c rune) bool { return c == rune(r.delim) || c == '\n' })
	if i < 0 {
		v, r.rest = string(r.rest), nil
		return strings.TrimSuffix(v, "\r"), true, nil
	}
	v = string(r.rest[:i])
	end = r.rest[i] == '\n'
	r.rest = r.rest[i+1:]
	if end {
		v = strings.TrimSuffix(v, "\r")
	}
	return v, end, nil
}

func (r *reader) quoted() (v string, end bool, err error) {
	var b []byte
	rest := r.rest[1:]
	for {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			return "", false, errQuote
		}
		b = append(b, rest[:i]...)
		rest = rest[i+1:]
		if len(rest) == 0 || rest[0] != '"' {
			break
		}
		b = append(b, '"')
		rest = rest[1:]
	}
	r.rest = rest
	tail, end, err := r.afterQuote()
	return string(b) + tail, end, err
}

// afterQuote takes what stands between a closing quote and the delimiter:
// normally nothing.
func (r *reader) afterQuote() (tail string, end bool, err error) {
	i := 0
	for ; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == r.delim:
			tail, r.rest = string(r.rest[:i]), r.rest[i+1:]
			return tail, false, nil
		case c == '\n':
			tail, r.rest = strings.TrimSuffix(string(r.rest[:i]), "\r"), r.rest[i+1:]
			return tail, true, nil
		case c == '"':
			return "", false, errors.New("quote inside a value is not doubled")
		}
	}
	tail, r.rest = strings.TrimSuffix(string(r.rest), "\r"), nil
	return tail, true, nil
}

// checkLineEnd compares the end of the header line with the job's setting.
func checkLineEnd(data []byte, f Format) error {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return nil
	}
	crlf := i > 0 && data[i-1] == '\r'
	if crlf != (f.LineEnd == "\r\n") {
		return fmt.Errorf("LineEnding is invalid on user data. Current LineEnding setting is %s", f.LineEndName())
	}
	return nil
}

func checkUTF8(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("the upload is not valid UTF-8")
	}
	return nil
}
