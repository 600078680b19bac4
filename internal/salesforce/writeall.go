package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// MaxWrites is the greatest number of writes in one call: what Salesforce takes
// of Collections in one composite request.
const MaxWrites = 5

// Written is what became of one write of several.
type Written struct {
	// Results has one entry per record, in order; nil if Err is set.
	Results []Result
	// Err is why the org refused this write as a whole, or why its part of the
	// reply could not be read. Ask [OutcomeUnknown] about it.
	Err error
}

// Composable says whether a write may travel with others. Salesforce takes
// "@{" in a composite request for a reference to another reply, wherever it
// stands: a record that holds it must go by itself. What a write says of
// assignment and duplicate rules travels in the headers of its part.
func (w WriteRequest) Composable() bool {
	return !slices.ContainsFunc(w.Records, func(r json.RawMessage) bool { return bytes.Contains(r, []byte("@{")) })
}

// WriteAll makes up to [MaxWrites] writes in one API call, one after the other
// in their order. Each is accepted or refused by itself. The error is that of
// the call, and holds for every write in it: it is never repeated unless the
// org surely did not handle it, as with [Client.Write]. The call is made if the
// earliest SendBefore has not passed.
func (c *Client) WriteAll(ctx context.Context, list []WriteRequest) ([]Written, error) {
	if len(list) == 1 {
		results, err := c.Write(ctx, list[0])
		if err != nil {
			return nil, err
		}
		return []Written{{Results: results}}, nil
	}
	r, counts, err := c.composeWrites(list)
	if err != nil {
		return nil, fmt.Errorf("compose writes: %w", err)
	}
	var out []Written
	err = c.do(ctx, r, func(rep *reply) (err error) {
		out, err = decodeWritten(rep, counts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%d composed writes: %w", len(list), err)
	}
	return out, nil
}

// composedWrite is one sub-request.
type composedWrite struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Headers     map[string]string `json:"httpHeaders,omitempty"`
	Body        json.RawMessage   `json:"body,omitempty"`
}

// composeWrites lays out the request and counts the records of each write.
func (c *Client) composeWrites(list []WriteRequest) (request, []int, error) {
	if len(list) == 0 || len(list) > MaxWrites {
		return request{}, nil, fmt.Errorf("a call carries 1 to %d writes, not %d", MaxWrites, len(list))
	}
	subs, counts := make([]composedWrite, len(list)), make([]int, len(list))
	var before time.Time
	for i, w := range list {
		r, n, err := c.writeCall(w)
		switch {
		case err != nil:
			return request{}, nil, fmt.Errorf("%s %s: %w", w.Op, w.Object, err)
		case !w.Composable():
			return request{}, nil, errors.New(`it must go by itself: a record holds "@{", which a composite request would take for a reference`)
		}
		subs[i] = composedWrite{Method: r.method, URL: r.path, ReferenceID: referenceID(i), Headers: r.header, Body: r.body}
		counts[i] = n
		if !w.SendBefore.IsZero() && (before.IsZero() || w.SendBefore.Before(before)) {
			before = w.SendBefore
		}
	}
	body, err := json.Marshal(struct {
		AllOrNone bool            `json:"allOrNone"`
		Requests  []composedWrite `json:"compositeRequest"`
	}{false, subs})
	if err != nil {
		return request{}, nil, fmt.Errorf("render request: %w", err)
	}
	return request{
		kind: KindComposite, method: http.MethodPost, path: c.root + "/composite", body: body, write: true, sendBefore: before,
		wrote: func() {
			for _, w := range list {
				if w.BeforeReply != nil {
					w.BeforeReply()
				}
			}
		},
	}, counts, nil
}

func referenceID(i int) string { return "w" + strconv.Itoa(i) }

// decodeWritten reads the sub-replies. One that can't be read leaves the
// outcome of its write unknown, and that of no other.
func decodeWritten(rep *reply, counts []int) ([]Written, error) {
	var all struct {
		Replies []struct {
			Body        json.RawMessage `json:"body"`
			Status      int             `json:"httpStatusCode"`
			ReferenceID string          `json:"referenceId"`
		} `json:"compositeResponse"`
	}
	if err := decodeJSON(rep.body, &all); err != nil {
		return nil, fmt.Errorf("read replies: %w", err)
	}
	if len(all.Replies) != len(counts) {
		return nil, fmt.Errorf("the reply has %d entries for %d writes", len(all.Replies), len(counts))
	}
	out := make([]Written, len(counts))
	for i, r := range all.Replies {
		switch {
		case r.ReferenceID != referenceID(i):
			return nil, fmt.Errorf("reply %d is named %q, not %q", i+1, r.ReferenceID, referenceID(i))
		case r.Status < 200 || r.Status > 299:
			out[i].Err = refusal(&http.Response{StatusCode: r.Status, Header: rep.header}, bytes.NewReader(r.Body))
			continue
		}
		results, err := decodeResults(bytes.NewReader(r.Body), counts[i])
		if err != nil {
			out[i].Err = &Error{Status: r.Status, Code: CodeBadReply, Message: "the reply could not be read", Class: AskPerson, Sent: true, Cause: err}
			continue
		}
		out[i].Results = results
	}
	return out, nil
}
