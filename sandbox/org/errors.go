package org

import (
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// RowError is why one record could not be saved, in Salesforce's words. Fields
// names the fields at fault, if any.
type RowError struct {
	Code    string
	Message string
	Fields  []string
	// Match is what a duplicate rule found, nil for any other error.
	Match *DuplicateMatch
}

// DuplicateMatch is the rule that refused a record and the records it found.
type DuplicateMatch struct {
	Rule      string
	Object    string
	AllowSave bool
	IDs       []string
}

func (e *RowError) Error() string { return e.Code + ": " + e.Message }

// BodyError is a request body that does not fit the fields' types. Salesforce
// meets it while parsing, before any record is saved, so it usually fails the
// whole call (Switches.JSONErrorScope).
type BodyError struct {
	RowError
	// Field is the field whose value does not fit, Value the value as given.
	Field *schema.Field
	Value string
}

func rowErr(code string, fields []string, format string, args ...any) *RowError {
	return &RowError{Code: code, Message: fmt.Sprintf(format, args...), Fields: fields}
}

func badBody(f *schema.Field, got string) error {
	_, value, _ := strings.Cut(got, " value ")
	return &BodyError{RowError: *rowErr("JSON_PARSER_ERROR", nil,
		"Cannot deserialize instance of %s from %s or request may be missing a required field at [line:1, column:2]",
		f.Type, got), Field: f, Value: value}
}

func noSuchColumn(object, name string) *RowError {
	return rowErr("INVALID_FIELD", nil, "No such column '%s' on sobject of type %s", name, object)
}

func notWritable(names []string) *RowError {
	return rowErr("INVALID_FIELD_FOR_INSERT_UPDATE", names,
		"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
		strings.Join(names, ", "))
}

func entityDeleted() *RowError { return rowErr("ENTITY_IS_DELETED", nil, "entity is deleted") }

func badCrossReference(fields ...string) *RowError {
	return rowErr("INVALID_CROSS_REFERENCE_KEY", fields, "invalid cross reference id")
}

func malformedID(f *schema.Field, value string) *RowError {
	return rowErr("MALFORMED_ID", []string{f.Name}, "%s: id value of incorrect type: %s", f.Label, value)
}

func noAccess() *RowError {
	return rowErr("INSUFFICIENT_ACCESS_OR_READONLY", nil, "insufficient access rights on object id")
}

func duplicateValue(f *schema.Field, other string) *RowError {
	return rowErr("DUPLICATE_VALUE", []string{f.Name},
		"duplicate value found: %s duplicates value on record with id: %s", f.Name, other)
}

// Unwrap gives the error as that of a row.
func (e *BodyError) Unwrap() error { return &e.RowError }
