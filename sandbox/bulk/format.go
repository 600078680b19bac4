package bulk

import (
	"fmt"
	"strings"
)

// Format is the shape of a job's CSV.
type Format struct {
	Delimiter byte
	LineEnd   string
}

// delimiters by their names in a job.
var delimiters = []struct {
	name string
	char byte
}{
	{"COMMA", ','}, {"TAB", '\t'}, {"PIPE", '|'}, {"SEMICOLON", ';'}, {"CARET", '^'}, {"BACKQUOTE", '`'},
}

// ParseFormat reads the names that a job uses; "" is COMMA and LF.
func ParseFormat(delimiter, lineEnd string) (Format, error) {
	f := Format{Delimiter: ',', LineEnd: "\n"}
	switch strings.ToUpper(lineEnd) {
	case "", "LF":
	case "CRLF":
		f.LineEnd = "\r\n"
	default:
		return f, fmt.Errorf("lineEnding is %q, must be LF or CRLF", lineEnd)
	}
	if delimiter == "" {
		return f, nil
	}
	for _, d := range delimiters {
		if strings.EqualFold(d.name, delimiter) {
			f.Delimiter = d.char
			return f, nil
		}
	}
	return f, fmt.Errorf("columnDelimiter is %q, must be BACKQUOTE, CARET, COMMA, PIPE, SEMICOLON or TAB", delimiter)
}

// DelimiterName is the delimiter's name in a job.
func (f Format) DelimiterName() string {
	for _, d := range delimiters {
		if d.char == f.Delimiter {
			return d.name
		}
	}
	return "COMMA"
}

// LineEndName is the line end's name in a job.
func (f Format) LineEndName() string {
	if f.LineEnd == "\r\n" {
		return "CRLF"
	}
	return "LF"
}

// line writes one record, every value in quotes.
func (f Format) line(b []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, f.Delimiter)
		}
		b = appendQuoted(b, v)
	}
	return append(b, f.LineEnd...)
}
