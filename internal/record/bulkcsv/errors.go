package bulkcsv

import "fmt"

// HeaderError says that a page is not one of the fields that were selected.
type HeaderError struct{ Got, Want string }

// Error gives both headers, cut to what a person can compare.
func (e *HeaderError) Error() string {
	return fmt.Sprintf("the page's header is %q, the query selected %q", shorten(e.Got), shorten(e.Want))
}

// FormatError says that the text is no CSV of the expected shape.
type FormatError struct {
	// Row counts the page's records from 1; 0 is the header.
	Row     int
	Problem string
}

// Error names the record.
func (e *FormatError) Error() string {
	return fmt.Sprintf("record %d of the page: %s", e.Row, e.Problem)
}

// ValueError says that a record holds a value that its column can't.
type ValueError struct {
	// Row counts the page's records from 1. ID is the record's Id as it came.
	Row   int
	ID    string
	Field string

	err error
}

// Error names record and field.
func (e *ValueError) Error() string {
	return fmt.Sprintf("record %s: field %s: %v", shorten(e.ID), e.Field, e.err)
}

// Unwrap gives the codec's error, mostly a *record.FormError.
func (e *ValueError) Unwrap() error { return e.err }

func shorten(s string) string {
	const limit = 400
	for i := range s {
		if i > limit {
			return s[:i] + "…"
		}
	}
	return s
}
