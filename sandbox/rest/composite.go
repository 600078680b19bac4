package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxSub      = 25
	maxHeavySub = 5
)

type subRequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        json.RawMessage   `json:"body"`
	Headers     map[string]string `json:"httpHeaders"`
}

type compositeRequest struct {
	AllOrNone bool         `json:"allOrNone"`
	Requests  []subRequest `json:"compositeRequest"`
}

type subReply struct {
	Body        json.RawMessage   `json:"body"`
	Headers     map[string]string `json:"httpHeaders"`
	Status      int               `json:"httpStatusCode"`
	ReferenceID string            `json:"referenceId"`
}

// composite is POST /composite: up to 25 requests in one call, of which later
// ones may refer to the replies of earlier ones.
func (c *call) composite() (*reply, error) {
	if c.method != http.MethodPost {
		return nil, methodNotAllowed(c.method, "POST")
	}
	var req compositeRequest
	if err := json.Unmarshal(c.body, &req); err != nil {
		return nil, failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s", err)
	}
	if err := checkComposite(req); err != nil {
		return nil, err
	}
	run := &compositeRun{call: c, replies: map[string]any{}}
	if req.AllOrNone {
		tx := c.s.org.Begin(c.actor)
		defer tx.Rollback()
		run.shared = *c
		run.shared.tx = tx
	} else {
		run.shared = *c
	}
	out := make([]subReply, len(req.Requests))
	failed := -1
	for i := range req.Requests {
		out[i] = run.one(&req.Requests[i])
		if out[i].Status >= 400 && req.AllOrNone {
			failed = i
			break
		}
	}
	switch {
	case failed >= 0:
		halt(req.Requests, out, failed)
	case req.AllOrNone:
		if err := run.shared.tx.Commit(); err != nil {
			return nil, err
		}
	}
	return marshalReply(map[string]any{"compositeResponse": out})
}

func checkComposite(req compositeRequest) error {
	if len(req.Requests) == 0 {
		return failf(http.StatusBadRequest, "INVALID_INPUT", "The request has no 'compositeRequest'")
	}
	if len(req.Requests) > maxSub {
		return failf(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d subrequests exceeded", maxSub)
	}
	seen, heavy := map[string]bool{}, 0
	for _, r := range req.Requests {
		if r.ReferenceID == "" || seen[r.ReferenceID] {
			return failf(http.StatusBadRequest, "INVALID_INPUT", "Duplicate or missing referenceId: '%s'", r.ReferenceID)
		}
		seen[r.ReferenceID] = true
		if strings.Contains(r.URL, "/query") || strings.Contains(r.URL, "/composite/sobjects") {
			heavy++
		}
	}
	if heavy > maxHeavySub {
		return failf(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d query and collection subrequests exceeded", maxHeavySub)
	}
	return nil
}

// halt marks what an all-or-none composite did not do or took back.
func halt(reqs []subRequest, out []subReply, failed int) {
	words := failf(0, "PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.").body()
	for i := range out {
		if i != failed {
			out[i] = subReply{words, map[string]string{}, http.StatusBadRequest, reqs[i].ReferenceID}
		}
	}
}

// compositeRun carries the replies that references look into.
type compositeRun struct {
	call    *call
	shared  call
	replies map[string]any
}

var reference = regexp.MustCompile(`@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[[0-9]+\])*)\}`)

// one runs a sub-request.
func (r *compositeRun) one(req *subRequest) subReply {
	rep, err := r.dispatch(req)
	if err != nil {
		rep = errorReply(err)
	}
	out := subReply{Body: rep.body, Headers: map[string]string{}, Status: rep.status, ReferenceID: req.ReferenceID}
	if len(out.Body) == 0 {
		out.Body = json.RawMessage("null")
	}
	if loc := rep.header.Get("Location"); loc != "" {
		out.Headers["Location"] = loc
	}
	var v any
	if json.Unmarshal(out.Body, &v) != nil {
		out.Status = http.StatusBadRequest
		out.Body = failf(0, "INVALID_INPUT", "The reply of this resource is not JSON; it can't be part of a composite reply").body()
		return out
	}
	r.replies[req.ReferenceID] = v
	return out
}

func (r *compositeRun) dispatch(req *subRequest) (*reply, error) {
	target, err := r.resolve(req.URL, false)
	if err != nil {
		return nil, err
	}
	path, rawQuery, _ := strings.Cut(target, "?")
	seg, err := segments(path)
	if err != nil || len(seg) < 4 || seg[0] != "services" || seg[1] != "data" {
		return nil, notFound()
	}
	if err := checkVersion(seg[2]); err != nil {
		return nil, err
	}
	body, err := r.resolve(string(req.Body), true)
	if err != nil {
		return nil, err
	}
	sub := r.shared
	sub.method, sub.seg, sub.query = strings.ToUpper(req.Method), seg[3:], queryValues(rawQuery)
	sub.version, sub.body = seg[2], []byte(body)
	sub.header = r.call.header.Clone()
	for k, v := range req.Headers {
		sub.header.Set(k, v)
	}
	if sub.path(0) == "composite" && len(sub.seg) == 1 || sub.path(0) == "jobs" {
		return nil, failf(http.StatusBadRequest, "INVALID_INPUT", "The resource /%s can't be used in a composite request", strings.Join(sub.seg, "/"))
	}
	sub.obey()
	if sub.tx != nil {
		sub.tx.As(sub.actor)
	}
	return sub.route()
}

// resolve replaces references by values of earlier replies.
func (r *compositeRun) resolve(text string, inJSON bool) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(m string) string {
		parts := reference.FindStringSubmatch(m)
		v, ok := lookUp(r.replies[parts[1]], parts[2])
		if !ok {
			failed = failf(http.StatusBadRequest, "PROCESSING_HALTED",
				"Invalid reference specified. No value for %s%s found in %s", parts[1], parts[2], parts[1])
			return m
		}
		s := fmt.Sprint(v)
		if !inJSON {
			return url.PathEscape(s)
		}
		quoted := appendString(nil, s)
		return string(quoted[1 : len(quoted)-1])
	})
	return out, failed
}

// lookUp walks a path such as .records[0].Id through a decoded reply.
func lookUp(v any, path string) (any, bool) {
	for path != "" {
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			i, err := strconv.Atoi(path[1:end])
			list, ok := v.([]any)
			if err != nil || !ok || i >= len(list) {
				return nil, false
			}
			v, path = list[i], path[end+1:]
			continue
		}
		end := strings.IndexAny(path[1:], ".[") + 1
		if end == 0 {
			end = len(path)
		}
		members, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = members[path[1:end]]; !ok {
			return nil, false
		}
		path = path[end:]
	}
	return v, v != nil
}
