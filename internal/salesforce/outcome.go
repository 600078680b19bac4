package salesforce

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// take turns a reply's headers and body into a result or an *Error.
func (c *Client) take(ctx context.Context, resp *http.Response, line *lineReader, use func(*reply) error) error {
	body, err := decoded(resp.Header, line)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if err != nil {
			body = strings.NewReader("")
		}
		return refusal(resp, body)
	}
	if err != nil {
		return badReply(ctx, resp.StatusCode, line, err)
	}
	want := "json"
	if resp.Request.Header.Get("Accept") == acceptCSV {
		want = "csv"
	}
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusNoContent && resp.ContentLength != 0 && !strings.Contains(ct, want) {
		return badReply(ctx, resp.StatusCode, line, fmt.Errorf("the reply's content type is %q, not of %s: %w", ct, want, io.ErrUnexpectedEOF))
	}
	err = use(&reply{status: resp.StatusCode, header: resp.Header, body: body, date: dateOf(resp)})
	if err == nil {
		err = drain(body)
	}
	if e, ok := errors.AsType[*Error](err); ok { // a refusal inside a composite's reply
		return e
	}
	if err != nil {
		return badReply(ctx, resp.StatusCode, line, err)
	}
	return nil
}

// badReply is the error for a 2xx whose body can't be used. If the line broke,
// or the text just ended, the same request may bring a whole one; if the text
// is whole and wrong, it won't.
func badReply(ctx context.Context, status int, line *lineReader, err error) *Error {
	if line.err != nil && ctx.Err() != nil {
		return canceled(ctx, true)
	}
	e := &Error{Status: status, Code: CodeBadReply, Message: "the reply could not be read", Class: AskPerson, Sent: true, Cause: err}
	if line.err != nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errTrailing) || isGzipError(err) {
		e.Class = RetrySoon
	}
	return e
}

// noReply is the error for a round trip that brought no headers.
func noReply(ctx, attempt context.Context, err error, sent bool) *Error {
	if ctx.Err() != nil {
		return canceled(ctx, sent)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its text would repeat the whole query
	}
	e := &Error{Code: CodeConnect, Message: "no connection to the org", Class: RetrySoon, Sent: sent, Cause: err}
	if refused, ok := errors.AsType[*AddressError](err); ok {
		e.Code, e.Class, e.Message, e.Cause = CodeRefused, AskPerson, refused.Error(), nil
		return e
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Class = AskPerson
		return e
	}
	if !sent {
		return e
	}
	e.Code, e.Message = CodeNoReply, "the connection broke before the org answered"
	if errors.Is(context.Cause(attempt), errReplyTimeout) || errors.Is(attempt.Err(), context.DeadlineExceeded) {
		e.Code, e.Message, e.Cause = CodeTimeout, "the org did not answer in time", nil
	}
	return e
}

// canceled is the error for a call that our own side ended.
func canceled(ctx context.Context, sent bool) *Error {
	return &Error{Code: CodeCanceled, Message: "the call was ended before the org answered", Class: RetrySoon, Sent: sent, Cause: ctx.Err()}
}

// maxErrorBody bounds what is read of an error's body.
const maxErrorBody = 64 << 10

// refusal is the error for a reply that is not a 2xx.
func refusal(resp *http.Response, body io.Reader) *Error {
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // a cut body: the status says enough
	e := &Error{Status: resp.StatusCode, Sent: true, RetryAfter: retryAfter(resp)}
	if !e.parse(text) {
		e.Code, e.Message = CodeHTTP, pageTitle(text)
		if e.Message == "" {
			e.Message = http.StatusText(resp.StatusCode)
		}
		if resp.StatusCode >= 300 && resp.StatusCode < 400 {
			e.Code, e.Message = CodeMoved, "the org answers at another address"
		}
	}
	e.Class = classify(e.Status, e.Code, e.Message).class
	if e.Status == http.StatusUnauthorized && sessionIsHopeless(e.Message) {
		e.Class = AskPerson
	}
	if e.RetryAfter > longestWait && e.Class == RetrySoon {
		e.Class = RetryLater
	}
	return e
}

// parse reads Salesforce's array of errors, or one object. The first entry is
// the error.
func (e *Error) parse(text []byte) bool {
	type entry struct {
		Message, ErrorCode string
		Fields             []string
	}
	var list []entry
	if json.Unmarshal(text, &list) != nil || len(list) == 0 {
		var one entry
		if json.Unmarshal(text, &one) != nil {
			return false
		}
		list = []entry{one}
	}
	if list[0].ErrorCode == "" {
		return false
	}
	e.Code, e.Message, e.Fields = list[0].ErrorCode, list[0].Message, list[0].Fields
	return true
}

// pageTitle is the title of an HTML error page, or the start of a plain text.
func pageTitle(text []byte) string {
	s := string(text)
	if i := strings.Index(strings.ToLower(s), "<title>"); i >= 0 {
		s = s[i+len("<title>"):]
		if j := strings.Index(s, "<"); j >= 0 {
			s = s[:j]
		}
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if strings.HasPrefix(s, "<") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		return ""
	}
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

// retryAfter reads the header in either form, seconds or a date.
func retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.Atoi(v); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now := time.Now()
	if d := dateOf(resp); !d.IsZero() {
		now = d
	}
	return max(0, at.Sub(now))
}

// Unanswered is the *Error for a round trip outside the client (to a token
// endpoint, say) that brought no reply. The context of the attempt is ctx with
// the time that it may take.
func Unanswered(ctx, attempt context.Context, err error, sent bool) *Error {
	return noReply(ctx, attempt, err, sent)
}

// Refused is the *Error for a reply that is not a 2xx. It reads at most 64 KiB
// of text, which is the body already decoded.
func Refused(resp *http.Response, text []byte) *Error {
	return refusal(resp, strings.NewReader(string(text[:min(len(text), maxErrorBody)])))
}
