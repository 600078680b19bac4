package rest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/synclinehq/syncline/sandbox/bulk"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// callError is the failure of a whole call: an HTTP status and one entry of
// the error array.
type callError struct {
	Status  int
	Code    string
	Message string
	Fields  []string
	Match   *duplicateResult
}

func (e *callError) Error() string { return e.Code + ": " + e.Message }

func failf(status int, code, format string, args ...any) *callError {
	return &callError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notFound() *callError {
	return failf(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func methodNotAllowed(method string, allowed string) *callError {
	return failf(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED",
		"HTTP Method '%s' not allowed. Allowed are %s", method, allowed)
}

func badSession() *callError {
	return failf(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
}

// asCallError gives every error its place in Salesforce's catalogue. What has
// no place there is an UNKNOWN_EXCEPTION.
func asCallError(err error) *callError {
	if ce, ok := errors.AsType[*callError](err); ok {
		return ce
	}
	if re, ok := errors.AsType[*org.RowError](err); ok {
		return &callError{Status: rowStatus(re.Code), Code: re.Code, Message: re.Message, Fields: re.Fields, Match: duplicates(re)}
	}
	if qe, ok := errors.AsType[*soql.Error](err); ok {
		return &callError{Status: http.StatusBadRequest, Code: qe.Code, Message: qe.Message}
	}
	if be, ok := errors.AsType[*bulk.Error](err); ok {
		return &callError{Status: jobStatus(be.Code), Code: be.Code, Message: be.Message}
	}
	return failf(http.StatusInternalServerError, "UNKNOWN_EXCEPTION",
		"An unexpected error occurred. Please include this ErrorId if you contact support: %s", err)
}

// jobStatus is the HTTP status of a refused call on a Bulk job.
func jobStatus(code string) int {
	switch code {
	case bulk.CodeNotFound:
		return http.StatusNotFound
	case bulk.CodeVersion:
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

// rowStatus is the HTTP status of a row error when the row is the whole call.
func rowStatus(code string) int {
	switch code {
	case "ENTITY_IS_DELETED", "NOT_FOUND":
		return http.StatusNotFound
	case "INSUFFICIENT_ACCESS_OR_READONLY":
		return http.StatusForbidden
	default:
		return http.StatusBadRequest
	}
}

// body renders the error as Salesforce's one-entry array.
func (e *callError) body() []byte {
	entry := struct {
		Message   string   `json:"message"`
		ErrorCode string   `json:"errorCode"`
		Fields    []string `json:"fields,omitempty"`

		Match *duplicateResult `json:"duplicateResult,omitempty"`
	}{e.Message, e.Code, e.Fields, e.Match}
	b, err := marshal([]any{entry})
	if err != nil {
		return []byte(`[{"message":"error could not be rendered","errorCode":"UNKNOWN_EXCEPTION"}]`)
	}
	return b
}

func writeError(w http.ResponseWriter, err error) {
	ce := asCallError(err)
	writeRaw(w, ce.Status, "application/json;charset=UTF-8", ce.body())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := marshal(v)
	if err != nil {
		writeError(w, err)
		return
	}
	writeRaw(w, status, "application/json;charset=UTF-8", b)
}

func writeRaw(w http.ResponseWriter, status int, contentType string, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that went away is not the org's problem
}
