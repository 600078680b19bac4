package salesforce

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what one does about an error.
type Class uint8

// The classes. Zero is no class: the error is not of the org's making.
const (
	// RetrySoon: the same work will likely pass in seconds.
	RetrySoon Class = iota + 1
	// RetryLater: the org needs minutes to hours (limit used up, maintenance).
	RetryLater
	// Redescribe: an object or field is not what we think; read its describe.
	Redescribe
	// Reauthorize: a person has to give consent again.
	Reauthorize
	// AskPerson: nothing but a person's decision changes the outcome.
	AskPerson
)

var classNames = [...]string{"none", "retry soon", "retry later", "re-describe", "re-authorise", "ask a person"}

// String names the class in words.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Codes of failures that have no code of Salesforce's. They are in lower case,
// so that they can't be taken for one.
const (
	// CodeConnect: no connection came about; nothing was sent.
	CodeConnect = "connect_failed"
	// CodeRefused: the address is not one that this server may call.
	CodeRefused = "address_refused"
	// CodeNoReply: the request went out and the connection broke.
	CodeNoReply = "no_reply"
	// CodeTimeout: the request went out and no reply came in time.
	CodeTimeout = "reply_timeout"
	// CodeBadReply: a reply came that is not what Salesforce answers: cut, not
	// JSON, or not as many results as records.
	CodeBadReply = "bad_reply"
	// CodeCanceled: our own context ended while the call was under way.
	CodeCanceled = "canceled"
	// CodeMoved: the org answered with a redirect, which is never followed.
	CodeMoved = "moved"
	// CodeHTTP: an HTTP status without Salesforce's JSON.
	CodeHTTP = "http_status"
	// CodeBudget: our own budget leaves no call; it was not made.
	CodeBudget = "budget_spent"
)

// Error is the failure of one call.
type Error struct {
	// Status is the HTTP status, 0 if no reply came.
	Status int
	// Code is Salesforce's errorCode, or one of the Code constants.
	Code string
	// Message is Salesforce's text as it came, never our own reading of it.
	Message string
	// Fields are the fields that Salesforce names.
	Fields []string
	Class  Class
	// RetryAfter is the wait that the server asked for; 0 if it did not.
	RetryAfter time.Duration
	// Sent says that the request went out, or may have.
	Sent bool

	// Cause is what went wrong when it was not a refusal; it may be nil.
	Cause error
}

// Error gives the status, Salesforce's code and its words.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("salesforce: ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d ", e.Status)
	}
	b.WriteString(e.Code)
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(strings.TrimSpace(e.Message))
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause, such as context.Canceled.
func (e *Error) Unwrap() error { return e.Cause }

// ErrTooLate is returned by a write whose SendBefore had passed: nothing was
// sent.
var ErrTooLate = errors.New("salesforce: too late to send: the time until which this request was good has passed")

// ClassOf is the class of err, 0 if err is not one of the org's.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return 0
}

// IsCode says whether err is a call error with one of these codes.
func IsCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// CursorExpired says that a query's next page can't be had any more: the query
// has to be made again.
func CursorExpired(err error) bool { return IsCode(err, "INVALID_QUERY_LOCATOR") }

// TooLarge says that the same request will fail again and a smaller one may
// pass: fewer fields, rows or a narrower range.
func TooLarge(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == 413 || e.Status == 414 || e.Status == 431 ||
		IsCode(e, "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED", "EXCEEDED_ID_LIMIT", "QUERY_TIMEOUT"))
}

// OutcomeUnknown says whether the write that returned err may have been
// committed. It is true if the request went out and the answer does not prove a
// refusal: no reply, a reply that could not be read to its end, or a 5xx
// without a code that Salesforce gives before it does anything.
func OutcomeUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.Sent {
		return false
	}
	switch {
	case e.Status == 0, e.Status == 408, e.Status < 300:
		return true
	case e.Status >= 500:
		return !provesRefusal(e.Code)
	default:
		return false
	}
}
