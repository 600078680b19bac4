package store

import "strings"

// clean makes text from outside fit for a text column: PostgreSQL refuses NUL
// and broken UTF-8, and an error message must never be why a result is lost.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
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
