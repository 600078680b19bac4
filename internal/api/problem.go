package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/internal/manage"
)

// problem is an error as this API tells it: RFC 9457 with the members fix,
// errors and request_id.
type problem struct {
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitempty"`
	Fix       string  `json:"fix,omitempty" doc:"What to do about it."`
	Errors    []fault `json:"errors,omitempty"`
	RequestID string  `json:"request_id,omitempty" doc:"Finds the request in the server's log."`
}

type fault struct {
	Location string `json:"location,omitempty"`
	Message  string `json:"message"`
}

func (p *problem) Error() string  { return p.Detail }
func (p *problem) GetStatus() int { return p.Status }

// ContentType tells huma how the problem is marked.
func (p *problem) ContentType(string) string { return "application/problem+json" }

var statuses = map[manage.Kind]int{
	manage.Invalid:     http.StatusUnprocessableEntity,
	manage.NotFound:    http.StatusNotFound,
	manage.Conflict:    http.StatusConflict,
	manage.Refused:     http.StatusForbidden,
	manage.Unavailable: http.StatusServiceUnavailable,
}

// translate puts an error of a use case into the wire's form. One that is ours
// goes to the log in full, and to the client as a number to ask about.
func (s *server) translate(ctx context.Context, err error) *problem {
	out := &problem{RequestID: requestOf(ctx)}
	if p, ok := errors.AsType[*manage.Problem](err); ok {
		out.Status, out.Detail, out.Fix = statuses[p.Kind], p.What, p.Fix
		for _, d := range p.Details {
			f := fault{Location: d.Where, Message: d.What}
			if d.Fix != "" {
				f.Message += " (" + d.Fix + ")"
			}
			out.Errors = append(out.Errors, f)
		}
		out.Title = http.StatusText(out.Status)
		return out
	}
	out.Status, out.Detail = http.StatusInternalServerError, "The server failed to do this."
	out.Fix = "Look for request " + out.RequestID + " in the server's log."
	if ctx.Err() != nil {
		out.Status, out.Detail, out.Fix = http.StatusServiceUnavailable, "The request was given up before it was done.", ""
	} else {
		s.log.ErrorContext(ctx, "request failed", "request_id", out.RequestID, "error", err)
	}
	out.Title = http.StatusText(out.Status)
	return out
}

// inOurForm puts what the checker of requests complains about into the form of
// all our problems, without the values: a misplaced one may be a secret.
func inOurForm(ctx huma.Context, _ string, body any) (any, error) {
	m, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	out := &problem{
		Title: http.StatusText(m.Status), Status: m.Status, Detail: "The request is not in the form that this call takes: " + m.Detail + ".",
		Fix: "See " + Prefix + "/openapi.json.", RequestID: requestOf(ctx.Context()),
	}
	for _, e := range m.Errors {
		out.Errors = append(out.Errors, fault{Location: e.Location, Message: e.Message})
	}
	return out, nil
}

// refuse writes a problem outside of huma.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, p *problem) {
	p.Title, p.RequestID = http.StatusText(p.Status), requestOf(r.Context())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if it fails
}

// add registers a use case that answers with a body.
func add[I, O any](s *server, api huma.API, op huma.Operation, fn func(context.Context, manage.Caller, *I) (O, error)) {
	type reply struct {
		Body O
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*reply, error) {
		out, err := fn(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, s.translate(ctx, err)
		}
		return &reply{out}, nil
	})
}

// do registers a use case that answers nothing but that it was done.
func do[I any](s *server, api huma.API, op huma.Operation, fn func(context.Context, manage.Caller, *I) error) {
	op.DefaultStatus = http.StatusNoContent
	huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
		if err := fn(ctx, callerOf(ctx), in); err != nil {
			return nil, s.translate(ctx, err)
		}
		return nil, nil //nolint:nilnil // 204
	})
}
