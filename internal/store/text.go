package store

import (
	"bytes"
	"encoding/json"
	"strings"
)

// clean makes text from outside fit for a text column: PostgreSQL refuses NUL
// and broken UTF-8, and an error message must never be why a result is lost.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

// cleanJSON does the same for JSON: jsonb refuses the escape of NUL. Nil is
// NULL.
func cleanJSON(raw json.RawMessage) json.RawMessage {
	const escapedNUL = `\u0000`
	if !bytes.Contains(raw, []byte(escapedNUL)) {
		return raw
	}
	kept := make(json.RawMessage, 0, len(raw))
	for i := 0; i < len(raw); {
		switch {
		case bytes.HasPrefix(raw[i:], []byte(escapedNUL)):
			i += len(escapedNUL)
		case raw[i] == '\\' && i+1 < len(raw):
			kept = append(kept, raw[i], raw[i+1])
			i += 2
		default:
			kept = append(kept, raw[i])
			i++
		}
	}
	return kept
}

// orZero reads a nullable column.
func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// orNull writes a nullable column: the zero value is NULL.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
