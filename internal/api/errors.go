package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/manage"
)

const tagErrors = "errors"

// ErrorQuery is the filter of failures in an address. It is exported, as OnEntry
// is, since reflection passes over others that are embedded.
type ErrorQuery struct {
	OnOne
	Group     string `query:"group" maxLength:"40" doc:"Key of a group."`
	Mapping   string `query:"mapping" maxLength:"200" doc:"Object name; all if left out."`
	Operation string `query:"operation" enum:"INSERT,UPDATE,DELETE"`
	Code      string `query:"code" maxLength:"100"`
	Within    int64  `query:"within" minimum:"0" maximum:"31536000" doc:"Age in seconds at most."`
	Archived  bool   `query:"archived" doc:"Take in what failed more than a month ago."`
}

func (q ErrorQuery) filter() manage.ErrorFilter {
	return manage.ErrorFilter{
		Group: q.Group, Object: q.Mapping, Operation: q.Operation, Code: q.Code,
		Within: time.Duration(q.Within) * time.Second, Archived: q.Archived,
	}
}

// OnEntry names an entry of the trigger log.
type OnEntry struct {
	OnOne
	ID int32 `path:"id" minimum:"1" doc:"Id in the trigger log."`
}

// errorAction is the body of what is done about failures.
type errorAction struct {
	OnOne
	Body client.ErrorAction
}

func (a errorAction) action() manage.ErrorAction {
	b := a.Body
	return manage.ErrorAction{
		Filter: manage.ErrorFilter{
			IDs: b.IDs, Group: b.Group, Object: b.Mapping, Operation: b.Operation, Code: b.Code,
			Within: time.Duration(b.Within) * time.Second, Archived: b.Archived,
		},
		All: b.All, Span: inbox.Span{After: b.After, Through: b.Through, Limit: b.Limit},
	}
}

func (s *server) errorRoutes(api huma.API) {
	const path = "/connections/{connection}/errors"
	add(s, api, op(http.MethodGet, path, "list-errors", tagErrors, "What failed, by cause, the most frequent first"),
		func(ctx context.Context, c manage.Caller, in *ErrorQuery) ([]client.ErrorGroup, error) {
			out, err := s.cfg.Manage.Errors(ctx, c, in.ref(), in.filter())
			return each(out, errorGroup), err
		})
	type entries struct {
		ErrorQuery
		Before int32 `query:"before" minimum:"0" doc:"Entries with a smaller id."`
		Limit  int   `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, path+"/entries", "list-error-entries", tagErrors, "Failed changes, newest first"),
		func(ctx context.Context, c manage.Caller, in *entries) ([]client.LogEntry, error) {
			out, err := s.cfg.Manage.ErrorEntries(ctx, c, in.ref(), in.filter(), in.Before, in.Limit)
			return each(out, logEntry), err
		})
	add(s, api, op(http.MethodGet, path+"/entries/{id}", "get-error-entry", tagErrors, "All that is known of one entry of the trigger log"),
		func(ctx context.Context, c manage.Caller, in *OnEntry) (client.ChangeDetail, error) {
			out, err := s.cfg.Manage.ErrorDetail(ctx, c, in.ref(), in.ID)
			if err != nil {
				return client.ChangeDetail{}, err
			}
			return errorDetail(out), nil
		})
	type unread struct {
		OnOne
		Group   string `query:"group" maxLength:"40" doc:"Key of a group."`
		Mapping string `query:"mapping" maxLength:"200" doc:"Object name; all if left out."`
		Limit   int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, path+"/unread", "list-unread-records", tagErrors, "Records that could not be stored in their row, newest first"),
		func(ctx context.Context, c manage.Caller, in *unread) ([]client.UnreadRecord, error) {
			out, err := s.cfg.Manage.UnreadRecords(ctx, c, in.ref(), manage.ErrorFilter{Group: in.Group, Object: in.Mapping}, in.Limit)
			return each(out, unreadRecord), err
		})
	type history struct {
		OnMapping
		Record string `path:"record" maxLength:"18" doc:"Id of the row, or of the record in Salesforce."`
		Limit  int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, "/connections/{connection}/mappings/{object}/history/{record}", "get-history", "records", "What became of a record, newest first"),
		func(ctx context.Context, c manage.Caller, in *history) ([]client.Happening, error) {
			out, err := s.cfg.Manage.History(ctx, c, in.ref(), in.Object, in.Record, in.Limit)
			return each(out, happening), err
		})
	s.errorActions(api, path)
}

func (s *server) errorActions(api huma.API, path string) {
	add(s, api, op(http.MethodPost, path+"/retry", "retry-errors", tagErrors, "Send failed changes again"),
		func(ctx context.Context, c manage.Caller, in *errorAction) (client.ErrorOutcome, error) {
			out, err := s.cfg.Manage.RetryErrors(ctx, c, in.ref(), in.action(), in.Body.FromRow)
			return errorOutcome(out), err
		})
	add(s, api, op(http.MethodPost, path+"/ignore", "ignore-errors", tagErrors, "End failed changes; neither side is changed"),
		func(ctx context.Context, c manage.Caller, in *errorAction) (client.ErrorOutcome, error) {
			out, err := s.cfg.Manage.IgnoreErrors(ctx, c, in.ref(), in.action(), in.Body.TakeTheirs)
			return errorOutcome(out), err
		})
	add(s, api, op(http.MethodPost, path+"/edit", "edit-errors", tagErrors, "Write new values into the rows of failed changes and send them"),
		func(ctx context.Context, c manage.Caller, in *errorAction) (client.ErrorOutcome, error) {
			out, err := s.cfg.Manage.EditErrors(ctx, c, in.ref(), in.action(), in.Body.Values)
			return errorOutcome(out), err
		})
	type resolve struct {
		OnEntry
		Body client.ErrorResolution
	}
	add(s, api, op(http.MethodPost, path+"/entries/{id}/resolve", "resolve-error", tagErrors, "Say whether an insert of unknown outcome arrived"),
		func(ctx context.Context, c manage.Caller, in *resolve) (client.Resolved, error) {
			sfid, seen, err := s.cfg.Manage.ResolveError(ctx, c, in.ref(), in.ID, manage.ErrorAnswer(in.Body))
			return client.Resolved{SFID: sfid, Seen: seen}, err
		})
}

func (s *server) holdRoutes(api huma.API) {
	const tag, path = "brake", "/connections/{connection}/holds"
	type list struct {
		OnOne
		All bool `query:"all" doc:"Those that were decided too."`
	}
	add(s, api, op(http.MethodGet, path, "list-holds", tag, "Mass deletions that the brake holds, newest first"),
		func(ctx context.Context, c manage.Caller, in *list) ([]client.Hold, error) {
			out, err := s.cfg.Manage.Holds(ctx, c, in.ref(), in.All)
			return each(out, hold), err
		})
	type one struct {
		OnOne
		ID int64 `path:"id" minimum:"1"`
	}
	do(s, api, op(http.MethodPost, path+"/{id}/release", "release-hold", tag, "Let a held deletion happen"),
		func(ctx context.Context, c manage.Caller, in *one) error {
			return s.cfg.Manage.DecideHold(ctx, c, in.ref(), in.ID, true)
		})
	do(s, api, op(http.MethodPost, path+"/{id}/discard", "discard-hold", tag, "Give a held deletion up"),
		func(ctx context.Context, c manage.Caller, in *one) error {
			return s.cfg.Manage.DecideHold(ctx, c, in.ref(), in.ID, false)
		})
}

func errorGroup(g inbox.Group) client.ErrorGroup {
	return client.ErrorGroup{
		Key: g.Key, Kind: string(g.Kind), Mapping: g.Object, Table: g.Table, Operation: g.Operation, Code: g.Code, Pattern: g.Pattern,
		Meaning: g.Advice.Meaning, Remedy: g.Advice.Remedy, Passing: g.Advice.Passing, Count: g.Count, Archived: g.Archived,
		First: g.First, Last: g.Last,
		Sample: client.ErrorSample{LogID: g.Sample.LogID, RecordID: g.Sample.RecordID, SFID: g.Sample.Sfid, Message: g.Sample.Message},
	}
}

func errorOutcome(o inbox.Outcome) client.ErrorOutcome {
	return client.ErrorOutcome{
		Chosen: o.Chosen, Done: o.Done, Also: o.Also, More: o.More, After: o.Next.After, Through: o.Next.Through,
		Skipped: each(o.Skipped, func(s inbox.Skip) client.SkippedError { return client.SkippedError(s) }),
	}
}

func logEntry(e inbox.Entry) client.LogEntry {
	out := client.LogEntry{
		ID: e.ID, State: string(e.State), Action: string(e.Action), Table: e.Table, RecordID: e.RecordID, SFID: e.Sfid,
		Archived: e.Archived, CreatedAt: e.CreatedAt, SettledAt: e.FailedAt, Fields: each(e.Cause.Fields, same),
		Values: e.Set(),
	}
	if e.Message != "" {
		out.Code, out.Message = e.Cause.Code, e.Cause.Message
	}
	return out
}

func errorDetail(d *inbox.Detail) client.ChangeDetail {
	out := client.ChangeDetail{
		Entry: logEntry(d.Entry), Group: d.Group, Meaning: d.Advice.Meaning, Remedy: d.Advice.Remedy,
		Row: d.Row, Former: d.Former, History: each(d.History, happening),
	}
	out.Entry.Mapping = d.Object
	if a := d.Answer; a.LogID != 0 {
		out.Answer = &client.ErrorAnswer{Code: a.Code, Message: a.Message, Fields: each(a.Fields, same), LogID: a.LogID, Time: a.Time, Attempt: a.Attempt}
	}
	if u := d.Unknown; u != nil {
		out.Unknown = &client.UnknownOutcome{Body: u.Body, ClaimedAt: u.ClaimedAt, FinalAt: u.FinalAt}
	}
	return out
}

func happening(h inbox.Happening) client.Happening {
	out := client.Happening{At: h.At}
	if h.Entry != nil {
		e := logEntry(*h.Entry)
		out.Entry = &e
	}
	if c := h.Conflict; c != nil {
		out.Conflict = &client.Collision{
			Column: c.Column, Base: c.Base, Postgres: c.Ours, Salesforce: c.Theirs, Winner: c.Winner, Policy: c.Policy, LogID: c.LogID,
		}
	}
	return out
}

func unreadRecord(r inbox.UnreadRecord) client.UnreadRecord {
	out := client.UnreadRecord{
		Mapping: r.Object, SFID: r.Sfid, Code: r.Code, Message: r.Message, Attempts: r.Attempts,
		FirstAt: r.FirstAt, NextAt: timeOrNil(r.NextAt), Group: r.Group,
	}
	if json.Valid([]byte(r.Record)) {
		out.Record = json.RawMessage(r.Record)
	}
	return out
}

func hold(h manage.Hold) client.Hold {
	return client.Hold{
		ID: h.ID, Mapping: h.Object, Direction: string(h.Direction), Reason: h.Reason, Rows: h.Rows, Of: h.Of,
		Sample: each(h.Sample, same), HeldAt: h.HeldAt, Decision: string(h.Decision), DecidedAt: timeOrNil(h.DecidedAt), DecidedBy: h.DecidedBy,
	}
}
