package salesforce

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

// MaxQueries is how many queries one call can carry.
const MaxQueries = 5

// Select is one of several queries that travel in one call: as
// [Client.Query], its first page goes to Batch.
type Select struct {
	SOQL  string
	All   bool
	Batch *record.Batch
}

// Answer is what came of one of several queries. On an error its batch holds
// what it held before.
type Answer struct {
	Page Page
	Err  error
}

// Queries does up to [MaxQueries] queries in one composite call, which counts
// once. Each has its own answer; the error is that of the call as a whole, and
// then no batch holds anything new. The bodies are streamed.
func (c *Client) Queries(ctx context.Context, list []Select) ([]Answer, error) {
	if len(list) == 0 || len(list) > MaxQueries {
		return nil, fmt.Errorf("compose queries: 1 to %d are allowed, not %d", MaxQueries, len(list))
	}
	body, err := c.queriesBody(list)
	if err != nil {
		return nil, err
	}
	before := make([]int, len(list))
	for i, s := range list {
		before[i] = s.Batch.Len()
	}
	var answers []Answer
	r := request{kind: KindComposite, method: http.MethodPost, path: c.root + "/composite", body: body}
	err = c.do(ctx, r, func(rep *reply) error {
		answers = make([]Answer, len(list))
		for i, s := range list {
			s.Batch.Truncate(before[i])
		}
		return takeAnswers(rep, list, answers)
	})
	if err != nil {
		for i, s := range list {
			s.Batch.Truncate(before[i])
		}
		return nil, fmt.Errorf("compose %d queries: %w", len(list), err)
	}
	return answers, nil
}

func (c *Client) queriesBody(list []Select) ([]byte, error) {
	type sub struct {
		Method      string `json:"method"`
		URL         string `json:"url"`
		ReferenceID string `json:"referenceId"`
	}
	subs := make([]sub, len(list))
	for i, s := range list {
		subs[i] = sub{http.MethodGet, c.queryPath(s.SOQL, s.All), "q" + strconv.Itoa(i)}
	}
	body, err := json.Marshal(struct {
		AllOrNone bool  `json:"allOrNone"`
		Requests  []sub `json:"compositeRequest"`
	}{false, subs})
	if err != nil {
		return nil, fmt.Errorf("render request: %w", err)
	}
	return body, nil
}

// takeAnswers reads the sub-replies, which stand in the order of the queries.
func takeAnswers(rep *reply, list []Select, answers []Answer) error {
	s := subReplies{src: bufio.NewReaderSize(rep.body, 32<<10)}
	if err := s.begin(); err != nil {
		return err
	}
	for i := range list {
		if err := takeAnswer(&s, rep, list[i], &answers[i]); err != nil {
			return fmt.Errorf("query %d: %w", i+1, err)
		}
	}
	return s.end()
}

func takeAnswer(s *subReplies, rep *reply, q Select, out *Answer) error {
	if err := s.toBody(); err != nil {
		return err
	}
	value := &valueReader{src: s.src}
	first, err := value.peek()
	if err != nil {
		return err
	}
	var refused []byte
	before := q.Batch.Len()
	if first == '[' {
		refused, err = io.ReadAll(io.LimitReader(value, maxErrorBody))
	} else {
		out.Page.ServerDate = rep.date
		if out.Page.Page, err = restjson.NewDecoder(q.Batch.Layout).DecodePage(value, q.Batch); err == nil {
			err = drain(value)
		}
	}
	if err != nil {
		return err
	}
	status, ref, err := s.afterBody()
	if err != nil {
		return err
	}
	if refused != nil || status > 299 {
		q.Batch.Truncate(before)
		*out = Answer{Err: refusal(&http.Response{StatusCode: status, Header: rep.header}, bytes.NewReader(refused))}
	}
	if ref != "" && ref[0] != 'q' {
		return fmt.Errorf("the reply to %q came in its place", ref)
	}
	return nil
}

// subReplies reads what stands between the bodies of a composite's reply.
type subReplies struct {
	src *bufio.Reader
	// before is what stood before the body in the sub-reply at hand.
	before []byte
}

var errNoComposite = errors.New("the reply is no composite's")

// begin reads up to the array of sub-replies.
func (s *subReplies) begin() error {
	for _, want := range []string{"{", `"compositeResponse"`, ":", "["} {
		if err := s.literal(want); err != nil {
			return err
		}
	}
	return nil
}

// literal reads a piece of JSON that must come next.
func (s *subReplies) literal(want string) error {
	c, err := s.skip()
	for i := 0; err == nil; i++ {
		if c != want[i] {
			return errNoComposite
		}
		if i == len(want)-1 {
			return nil
		}
		c, err = s.src.ReadByte()
	}
	return unexpected(err)
}

// skip reads the next byte that is no space.
func (s *subReplies) skip() (byte, error) {
	for {
		c, err := s.src.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

// toBody reads the beginning of a sub-reply, up to its body's value.
func (s *subReplies) toBody() error {
	if err := s.literal("{"); err != nil {
		return err
	}
	s.before = append(s.before[:0], '{')
	text, ended, err := s.members(true)
	if err != nil {
		return err
	}
	if ended {
		return errors.New("the composite's reply has no body")
	}
	s.before = append(s.before, text...)
	return nil
}

// afterBody reads the rest of a sub-reply, and the comma behind it. It gives
// the status and the reference of the sub-reply, whichever side they stood on.
func (s *subReplies) afterBody() (status int, ref string, err error) {
	text, _, err := s.members(false)
	if err != nil {
		return 0, "", err
	}
	var out struct {
		Status int    `json:"httpStatusCode"`
		Ref    string `json:"referenceId"`
	}
	whole := append(append(s.before, `null`...), text...)
	if err := json.Unmarshal(whole, &out); err != nil {
		return 0, "", fmt.Errorf("the composite's reply cannot be read: %w", err)
	}
	if c, err := s.skip(); err != nil {
		return 0, "", unexpected(err)
	} else if c != ',' {
		return out.Status, out.Ref, s.src.UnreadByte()
	}
	return out.Status, out.Ref, nil
}

// members reads members of a sub-reply up to its end, or to the value of its
// body.
func (s *subReplies) members(toBody bool) (text []byte, ended bool, err error) {
	var (
		depth          = 1
		quoted, escape bool
		name           int // where the newest string began
	)
	for len(text) < maxErrorBody {
		c, err := s.src.ReadByte()
		if err != nil {
			return nil, false, unexpected(err)
		}
		text = append(text, c)
		switch {
		case escape:
			escape = false
		case quoted && c == '\\':
			escape = true
		case c == '"':
			if quoted = !quoted; quoted {
				name = len(text) - 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return text, true, nil
			}
		case c == ':' && depth == 1 && toBody && string(bytes.TrimSpace(text[name:len(text)-1])) == `"body"`:
			return text, false, nil
		}
	}
	return nil, false, errors.New("the composite's reply cannot be read: a sub-reply has no end")
}

// end reads the end of the reply.
func (s *subReplies) end() error {
	if err := s.literal("]"); err != nil {
		return err
	}
	return s.literal("}")
}
