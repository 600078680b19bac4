package salesforce

import (
	"context"
	"io"
	"net/http"
	"time"
)

// KindBulk is the kind of every call of Bulk API 2.0.
const KindBulk = "bulk"

const acceptCSV = "text/csv"

// maxStreams bounds the long downloads of a client that are under way at once.
// They have slots of their own, since one that waits for its reader must not
// keep short calls waiting.
const maxStreams = 5

// Call is a request of an API that has a package of its own, such as bulk.
type Call struct {
	Kind   string
	Method string
	// Path is below the version ("/jobs/query"), or a whole link that the org
	// returned ("/services/data/v64.0/jobs/query/750…").
	Path string
	// Body is JSON, or CSV if CSV says so; nil for none.
	Body []byte
	CSV  bool
	// Stream: the reply is CSV that may take long to read. It must be used by
	// somebody who never waits for another stream of the same client.
	Stream bool
	// Once: the call changes something and must not be repeated unless the org
	// surely did not handle it.
	Once bool
	// SendBefore, if set, is checked right before the request is written; once
	// it has passed, [ErrTooLate] is returned and nothing was sent.
	SendBefore time.Time
	// BeforeReply, if set, is called as that of [WriteRequest].
	BeforeReply func()
}

// Reply is what the org answered with a 2xx.
type Reply struct {
	Header http.Header
	Body   io.Reader
	// Date is the org's clock when it answered; zero if it did not say.
	Date time.Time
}

// Call sends a request under the rules of all calls: one session, metered,
// repeated by class. use gets each 2xx reply, again if a repetition brings
// another, and reads its body; what it returns comes back in an [*Error] as the
// cause. Nil leaves the body unread.
func (c *Client) Call(ctx context.Context, in Call, use func(Reply) error) error {
	r := request{
		kind: in.Kind, method: in.Method, path: in.Path, body: in.Body, write: in.Once, stream: in.Stream,
		sendBefore: in.SendBefore, wrote: in.BeforeReply, header: map[string]string{},
	}
	if len(in.Path) < len(dataRoot) || in.Path[:len(dataRoot)] != dataRoot {
		r.path = c.root + in.Path
	}
	if in.Stream {
		r.header["Accept"] = acceptCSV
	}
	if in.CSV {
		r.header["Content-Type"] = acceptCSV
	}
	return c.do(ctx, r, func(rep *reply) error {
		if use == nil {
			_, err := io.Copy(io.Discard, rep.body)
			return err
		}
		return use(Reply{Header: rep.header, Body: rep.body, Date: rep.date})
	})
}

// CallJSON is Call for a reply that is one JSON value; date is the org's clock.
func (c *Client) CallJSON(ctx context.Context, in Call, out any) (date time.Time, err error) {
	err = c.Call(ctx, in, func(rep Reply) error {
		date = rep.Date
		return decodeJSON(rep.Body, out)
	})
	return date, err
}

const dataRoot = "/services/data/"
