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

	"github.com/go-json-experiment/json/jsontext"
)

// maxPath is the longest path that goes out as a URL. Salesforce refuses over
// 16,384 bytes of URL and headers together (414), and a session can have 2,000.
const maxPath = 13_000

// read makes a GET. A path that is too long for a URL, such as that of a query
// over a wide object, travels inside a composite request: one call all the
// same.
func (c *Client) read(ctx context.Context, kind, path string, use func(*reply) error) error {
	if len(path) <= maxPath {
		return c.do(ctx, request{kind: kind, method: http.MethodGet, path: path}, use)
	}
	type sub struct {
		Method      string `json:"method"`
		URL         string `json:"url"`
		ReferenceID string `json:"referenceId"`
	}
	body, err := json.Marshal(struct {
		AllOrNone bool  `json:"allOrNone"`
		Requests  []sub `json:"compositeRequest"`
	}{false, []sub{{http.MethodGet, path, "page"}}})
	if err != nil {
		return fmt.Errorf("render request: %w", err)
	}
	r := request{kind: KindComposite, method: http.MethodPost, path: c.root + "/composite", body: body}
	return c.do(ctx, r, func(rep *reply) error { return unwrap(rep, use) })
}

// unwrap hands the body of a composite's only sub-reply to use, as a stream.
func unwrap(rep *reply, use func(*reply) error) error {
	rest, status, err := findBody(rep.body)
	if err != nil {
		return err
	}
	value := &valueReader{src: rest}
	first, err := value.peek()
	if err != nil {
		return err
	}
	var refused []byte
	if first == '[' {
		refused, err = io.ReadAll(io.LimitReader(value, maxErrorBody))
	} else {
		inner := *rep
		inner.body = value
		if err = use(&inner); err == nil {
			err = drain(value)
		}
	}
	if err != nil {
		return err
	}
	after, err := statusAfter(rest)
	if err != nil {
		return err
	}
	if refused != nil {
		return refusal(&http.Response{StatusCode: max(status, after), Header: rep.header}, bytes.NewReader(refused))
	}
	return nil
}

// findBody reads up to the value of "body" in the first sub-reply. The status
// is 0 unless it stood before.
func findBody(r io.Reader) (rest *bufio.Reader, status int, err error) {
	dec := jsontext.NewDecoder(r)
	for _, want := range []string{"{", "compositeResponse", "[", "{"} {
		t, err := dec.ReadToken()
		if err != nil {
			return nil, 0, unexpected(err)
		}
		if t.String() != want {
			return nil, 0, fmt.Errorf("the reply is no composite's: %q stands where %q should", t.String(), want)
		}
	}
	for {
		key, err := dec.ReadToken()
		if err != nil {
			return nil, 0, unexpected(err)
		}
		switch name := key.String(); {
		case key.Kind() != '"':
			return nil, 0, errors.New("the composite's reply has no body")
		case name == "body":
			left := bytes.TrimLeft(bytes.Clone(dec.UnreadBuffer()), " \t\r\n")
			return bufio.NewReaderSize(io.MultiReader(bytes.NewReader(left), r), 32<<10), status, nil
		case name == "httpStatusCode":
			var n json.Number
			raw, err := dec.ReadValue()
			if err == nil {
				err = json.Unmarshal(raw, &n)
			}
			if err != nil {
				return nil, 0, unexpected(err)
			}
			v, _ := n.Int64() // what is no number is no status
			status = int(v)
		default:
			if err := dec.SkipValue(); err != nil {
				return nil, 0, unexpected(err)
			}
		}
	}
}

// statusAfter reads what follows the body: the reply's end, without which it
// was cut, and the status (0 if it stood before the body).
func statusAfter(rest io.Reader) (int, error) {
	var out struct {
		Replies []struct {
			Status int `json:"httpStatusCode"`
		} `json:"compositeResponse"`
	}
	const begun = `{"compositeResponse":[{"body":null`
	tail := io.LimitReader(rest, maxErrorBody)
	if err := decodeJSON(io.MultiReader(bytes.NewReader([]byte(begun)), tail), &out); err != nil {
		return 0, err
	}
	if len(out.Replies) != 1 {
		return 0, fmt.Errorf("the composite's reply has %d entries for one request", len(out.Replies))
	}
	return out.Replies[0].Status, nil
}

// valueReader reads one JSON object or array and ends where it ends; what
// follows stays in src. It does not check the JSON, whoever decodes it does.
type valueReader struct {
	src    *bufio.Reader
	depth  int
	begun  bool
	quoted bool
	escape bool
	done   bool
}

// peek steps over the colon and space before the value and shows its first
// byte.
func (v *valueReader) peek() (byte, error) {
	for {
		b, err := v.src.Peek(1)
		if err != nil {
			return 0, unexpected(err)
		}
		switch b[0] {
		case ':', ' ', '\t', '\r', '\n':
			_, _ = v.src.Discard(1) // it was peeked
		case '{', '[':
			return b[0], nil
		default:
			return 0, fmt.Errorf("the composite's body begins with %q", b[0])
		}
	}
}

func (v *valueReader) Read(p []byte) (int, error) {
	if v.done {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := v.src.Peek(1); err != nil {
		return 0, unexpected(err)
	}
	buf, _ := v.src.Peek(min(v.src.Buffered(), len(p)))
	n := v.scan(buf)
	copy(p, buf[:n])
	_, _ = v.src.Discard(n) // it was peeked
	return n, nil
}

// scan says how many bytes of buf belong to the value.
func (v *valueReader) scan(buf []byte) int {
	for i, b := range buf {
		switch {
		case v.escape:
			v.escape = false
		case v.quoted && b == '\\':
			v.escape = true
		case b == '"':
			v.quoted = !v.quoted
		case v.quoted:
		case b == '{' || b == '[':
			v.depth++
			v.begun = true
		case b == '}' || b == ']':
			v.depth--
		}
		if v.begun && v.depth == 0 {
			v.done = true
			return i + 1
		}
	}
	return len(buf)
}
