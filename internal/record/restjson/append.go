package restjson

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/synclinehq/syncline/internal/record"
)

// AppendRecord appends one record of a write body to dst:
//
//	{"attributes":{"type":"Contact"},"Id":"003…","Email":"a@b.c","Account":{"PG_ID__c":"7"}}
//
// Id is left out if id is "". Columns name the values' fields; a relationship
// path nests, and a relationship whose values are all NULL is written as null,
// which clears the lookup. Values go out as [record.Type.AppendJSON] writes
// them.
func AppendRecord(dst []byte, object, id string, columns []record.Column, values []record.Value) []byte {
	dst = append(dst, `{"attributes":{"type":`...)
	dst = appendString(dst, object)
	dst = append(dst, '}')
	if id != "" {
		dst = append(dst, `,"Id":`...)
		dst = appendString(dst, id)
	}
	for i := range columns {
		parent, _, nested := strings.Cut(columns[i].Field, ".")
		if !nested {
			dst = appendMember(append(dst, ','), parent, columns[i].Type, values[i])
		} else if first(columns[:i], parent) {
			dst = appendParent(append(dst, ','), parent, columns[i:], values[i:])
		}
	}
	return append(dst, '}')
}

// first says whether no earlier column goes through the parent.
func first(earlier []record.Column, parent string) bool {
	for i := range earlier {
		if p, _, nested := strings.Cut(earlier[i].Field, "."); nested && p == parent {
			return false
		}
	}
	return true
}

func appendParent(dst []byte, parent string, columns []record.Column, values []record.Value) []byte {
	dst = append(appendString(dst, parent), ':')
	open := len(dst)
	for i := range columns {
		p, field, nested := strings.Cut(columns[i].Field, ".")
		if !nested || p != parent || values[i] == nil {
			continue
		}
		if len(dst) == open {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = appendMember(dst, field, columns[i].Type, values[i])
	}
	if len(dst) == open {
		return append(dst, "null"...)
	}
	return append(dst, '}')
}

func appendMember(dst []byte, name string, t record.Type, v record.Value) []byte {
	dst = append(appendString(dst, name), ':')
	return t.AppendJSON(dst, v)
}

func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // names and Ids are ASCII
	return dst
}
