package soql

import (
	"fmt"
	"strings"
)

// Error codes of a query, as Salesforce names them.
const (
	CodeMalformed     = "MALFORMED_QUERY"
	CodeInvalidField  = "INVALID_FIELD"
	CodeInvalidType   = "INVALID_TYPE"
	CodeBadOperator   = "INVALID_QUERY_FILTER_OPERATOR"
	CodeNumberTooHigh = "NUMBER_OUTSIDE_VALID_RANGE"
)

// Error is a query that can't be run, with the code and the words that
// Salesforce uses. The HTTP status is always 400.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func malformed(format string, args ...any) *Error {
	return &Error{Code: CodeMalformed, Message: fmt.Sprintf(format, args...)}
}

// snippetWidth is how much of the query an error shows before the culprit.
const snippetWidth = 33

// at builds the message that shows the piece of the query around pos with a
// caret below it.
func at(code, text string, pos int, format string, args ...any) *Error {
	row, column, line, offset := locate(text, pos)
	start, end := 0, len(line)
	if offset > snippetWidth {
		start = offset - snippetWidth
		if sp := strings.IndexByte(line[start:offset], ' '); sp >= 0 {
			start += sp + 1
		}
	}
	if end-offset > snippetWidth {
		end = offset + snippetWidth
		if sp := strings.LastIndexByte(line[offset:end], ' '); sp > 0 {
			end = offset + sp
		}
	}
	return &Error{Code: code, Message: fmt.Sprintf("\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s",
		line[start:end], strings.Repeat(" ", len([]rune(line[start:offset]))), row, column, fmt.Sprintf(format, args...))}
}

// locate finds row and column (both from 1) of a byte position.
func locate(text string, pos int) (row, column int, line string, offset int) {
	pos = min(pos, len(text))
	begin := strings.LastIndexByte(text[:pos], '\n') + 1
	end := strings.IndexByte(text[pos:], '\n')
	if end < 0 {
		end = len(text)
	} else {
		end += pos
	}
	row = strings.Count(text[:pos], "\n") + 1
	return row, len([]rune(text[begin:pos])) + 1, text[begin:end], pos - begin
}
