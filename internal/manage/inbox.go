package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// ErrorFilter chooses failures.
type ErrorFilter struct {
	// IDs are log ids; nothing else counts then.
	IDs []int32
	// Group is a group's key, Object a mapping's object name, Operation INSERT,
	// UPDATE or DELETE, Code one of Salesforce's or of Syncline's.
	Group, Object, Operation, Code string
	// Within is the age at most; 0 for any.
	Within time.Duration
	// Archived takes in what failed more than a month ago.
	Archived bool
}

// names says whether the filter chooses anything but everything.
func (f ErrorFilter) names() bool {
	return len(f.IDs) > 0 || f.Group != "" || f.Object != "" || f.Operation != "" || f.Code != "" || f.Within > 0
}

// inboxOf opens the inbox of a connection; it is nil while nothing is mapped.
func (s *Service) inboxOf(ctx context.Context, c Caller, right access.Right, ref string) (mapping.Connection, []mapping.Mapping, *inbox.Inbox, error) {
	conn, err := s.on(ctx, c, right, ref)
	if err != nil {
		return conn, nil, nil, err
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil || len(mappings) == 0 {
		return conn, nil, nil, problem("list mappings", err)
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return conn, nil, nil, problem("open the database", err)
	}
	return conn, mappings, inbox.Of(db, conn, mappings), nil
}

// filter is the filter as the inbox takes it.
func (s *Service) errorFilter(ctx context.Context, conn mapping.Connection, f ErrorFilter) (inbox.Filter, error) {
	out := inbox.Filter{
		IDs: f.IDs, Group: f.Group, Operation: triggerlog.Action(strings.ToUpper(f.Operation)), Code: f.Code,
		Within: f.Within, Archived: f.Archived,
	}
	if f.Object == "" {
		return out, nil
	}
	m, err := s.mappingOf(ctx, conn, f.Object)
	if err != nil {
		return out, err
	}
	out.Table = inbox.TableOf(m)
	return out, nil
}

// readErrors lists something of the inbox; nothing while nothing is mapped.
func readErrors[T any](ctx context.Context, s *Service, c Caller, ref string, f ErrorFilter,
	list func(*inbox.Inbox, inbox.Filter) ([]T, error),
) ([]T, error) {
	conn, _, in, err := s.inboxOf(ctx, c, access.View, ref)
	if err != nil || in == nil {
		return nil, err
	}
	filter, err := s.errorFilter(ctx, conn, f)
	if err != nil {
		return nil, err
	}
	out, err := list(in, filter)
	return out, inboxProblem("read errors", err)
}

// Errors puts what failed together by cause, the most frequent first.
func (s *Service) Errors(ctx context.Context, c Caller, ref string, f ErrorFilter) ([]inbox.Group, error) {
	return readErrors(ctx, s, c, ref, f, func(in *inbox.Inbox, filter inbox.Filter) ([]inbox.Group, error) {
		return in.Groups(ctx, filter)
	})
}

// ErrorEntries lists failed changes newest first, with a log id below before (0
// for the newest).
func (s *Service) ErrorEntries(ctx context.Context, c Caller, ref string, f ErrorFilter, before int32, limit int) ([]inbox.Entry, error) {
	return readErrors(ctx, s, c, ref, f, func(in *inbox.Inbox, filter inbox.Filter) ([]inbox.Entry, error) {
		return in.Entries(ctx, filter, before, page(limit))
	})
}

// UnreadRecords lists records that could not be stored in their row, newest
// first.
func (s *Service) UnreadRecords(ctx context.Context, c Caller, ref string, f ErrorFilter, limit int) ([]inbox.UnreadRecord, error) {
	return readErrors(ctx, s, c, ref, f, func(in *inbox.Inbox, filter inbox.Filter) ([]inbox.UnreadRecord, error) {
		return in.Unread(ctx, filter, page(limit))
	})
}

// ErrorDetail tells all that is known of one entry of the log.
func (s *Service) ErrorDetail(ctx context.Context, c Caller, ref string, logID int32) (*inbox.Detail, error) {
	_, _, in, err := s.inboxOf(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, nothingMapped()
	}
	out, err := in.Show(ctx, logID)
	return out, inboxProblem("read errors", err)
}

func nothingMapped() *Problem {
	return &Problem{Kind: NotFound, What: "The connection has no mappings yet, so nothing was written.", Fix: "Import a configuration file."}
}

// History tells what became of a record, newest first, by the id of its row or
// its Id in Salesforce.
func (s *Service) History(ctx context.Context, c Caller, ref, object, record string, limit int) ([]inbox.Happening, error) {
	conn, _, in, err := s.inboxOf(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, nothingMapped()
	}
	m, err := s.mappingOf(ctx, conn, object)
	if err != nil {
		return nil, err
	}
	row, sfid := int32(0), record
	if n, err := strconv.ParseInt(record, 10, 32); err == nil && n > 0 && len(record) < 15 {
		row, sfid = int32(n), ""
	}
	out, err := in.History(ctx, inbox.TableOf(m), row, sfid, page(limit))
	return out, inboxProblem("read history", err)
}

// ErrorAction is what is done about failures, and how much of it at once.
type ErrorAction struct {
	Filter ErrorFilter
	// All is needed where the filter names nothing.
	All bool
	// Span cuts the action into pages.
	Span     inbox.Span
	Progress inbox.Progress
}

// RetryErrors sends failed changes again: what they hold, or with fromRow the
// rows as they are. Records that could not be stored in their row are read again.
func (s *Service) RetryErrors(ctx context.Context, c Caller, ref string, a ErrorAction, fromRow bool) (inbox.Outcome, error) {
	return s.onErrors(ctx, c, ref, "errors.retry", a, map[string]any{"from_row": fromRow},
		func(_ mapping.Connection, _ []mapping.Mapping, in *inbox.Inbox, f inbox.Filter) (inbox.Outcome, error) {
			o, err := in.Retry(ctx, f, a.Span, fromRow, a.Progress)
			return andUnread(ctx, o, err, f, a.Span, in.ReadAgain)
		})
}

// IgnoreErrors ends failed changes: neither side is changed. With takeTheirs the
// rows take Salesforce's values. Records that could not be stored in their row
// are left out of it.
func (s *Service) IgnoreErrors(ctx context.Context, c Caller, ref string, a ErrorAction, takeTheirs bool) (inbox.Outcome, error) {
	return s.onErrors(ctx, c, ref, "errors.ignore", a, map[string]any{"take_theirs": takeTheirs},
		func(_ mapping.Connection, _ []mapping.Mapping, in *inbox.Inbox, f inbox.Filter) (inbox.Outcome, error) {
			o, err := in.Ignore(ctx, f, a.Span, takeTheirs, a.Progress)
			return andUnread(ctx, o, err, f, a.Span, in.IgnoreUnread)
		})
}

// andUnread does an action's part for records that could not be stored in their
// row, with the first page of it, if the filter may mean them.
func andUnread(ctx context.Context, o inbox.Outcome, err error, f inbox.Filter, s inbox.Span, do func(context.Context, inbox.Filter) (int, error)) (inbox.Outcome, error) {
	if err != nil || len(f.IDs) > 0 || f.Operation != "" || s.After > 0 {
		return o, err
	}
	n, err := do(ctx, f)
	o.Chosen, o.Done = o.Chosen+n, o.Done+n
	return o, err
}

// EditErrors writes new values into the rows of failed changes and sends these
// again.
func (s *Service) EditErrors(ctx context.Context, c Caller, ref string, a ErrorAction, values inbox.Values) (inbox.Outcome, error) {
	columns := make([]string, 0, len(values))
	for name := range values {
		columns = append(columns, name)
	}
	slices.Sort(columns) // the values themselves are the application's data
	return s.onErrors(ctx, c, ref, "errors.edit", a, map[string]any{"columns": columns},
		func(conn mapping.Connection, mappings []mapping.Mapping, in *inbox.Inbox, f inbox.Filter) (inbox.Outcome, error) {
			session, done, err := s.session(ctx, conn)
			if err != nil {
				return inbox.Outcome{}, err
			}
			defer done()
			return in.Edit(ctx, f, a.Span, values, tablesOf(session, mappings), a.Progress)
		})
}

func tablesOf(session *engine.Session, mappings []mapping.Mapping) inbox.Tables {
	return func(ctx context.Context, table string) (*mapping.Table, error) {
		for _, m := range mappings {
			if inbox.TableOf(m) == table {
				return session.Table(ctx, m)
			}
		}
		return nil, &inbox.Refusal{What: "Table " + table + " belongs to no mapping.", Fix: "Map the object again, or ignore the entry."}
	}
}

// onErrors runs an action, tells the writer and writes the audit trail, also of
// one that ended in the middle.
func (s *Service) onErrors(ctx context.Context, c Caller, ref, action string, a ErrorAction, how map[string]any,
	run func(mapping.Connection, []mapping.Mapping, *inbox.Inbox, inbox.Filter) (inbox.Outcome, error),
) (inbox.Outcome, error) {
	conn, mappings, in, err := s.inboxOf(ctx, c, access.Operate, ref)
	if err != nil {
		return inbox.Outcome{}, err
	}
	if in == nil {
		return inbox.Outcome{}, nothingMapped()
	}
	if !a.All && !a.Filter.names() {
		return inbox.Outcome{}, invalid("It is not said which errors are meant.", "Give log ids, a group or another filter, or say that all are meant.")
	}
	f, err := s.errorFilter(ctx, conn, a.Filter)
	if err != nil {
		return inbox.Outcome{}, err
	}
	o, err := run(conn, mappings, in, f)
	if o.Done == 0 {
		return o, inboxProblem("act on errors", err)
	}
	how["done"], how["also"], how["skipped"], how["chosen_by"] = o.Done, o.Also, len(o.Skipped), chosenBy(a)
	err = errors.Join(err, s.auditOn(ctx, c, conn, action, how))
	s.wakeSides(ctx, conn)
	return o, inboxProblem("act on errors", err)
}

// maxAudited bounds the log ids of one entry of the audit trail.
const maxAudited = 100

func chosenBy(a ErrorAction) map[string]any {
	f := a.Filter
	out := map[string]any{}
	for name, v := range map[string]string{"group": f.Group, "mapping": f.Object, "operation": f.Operation, "code": f.Code} {
		if v != "" {
			out[name] = v
		}
	}
	if len(f.IDs) > 0 {
		out["ids"], out["count"] = f.IDs[:min(len(f.IDs), maxAudited)], len(f.IDs)
	}
	if f.Within > 0 {
		out["within"] = f.Within.String()
	}
	if len(out) == 0 {
		out["all"] = true
	}
	return out
}

// wakeSides lets the writer look at states that were set without a notification,
// and the reader at records that are due.
func (s *Service) wakeSides(ctx context.Context, conn mapping.Connection) {
	for _, kind := range []string{engine.KindWrite, engine.KindRead} {
		if err := s.cfg.Engine.Wake(ctx, engine.Key{Connection: conn.ID, Kind: kind}); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "turn not woken; it looks by itself", "kind", kind, "error", err)
		}
	}
}

// ErrorAnswer says what became of an insert whose outcome is not known. One of
// the two is set.
type ErrorAnswer struct {
	// Arrived is the Id of the record that it made.
	Arrived string
	// SendAgain says that it did not arrive.
	SendAgain bool
}

// ResolveError answers for an insert of unknown outcome, and returns the record's
// Id with 18 characters. Seen is false if the org did not answer, so that the
// caller's word stands.
func (s *Service) ResolveError(ctx context.Context, c Caller, ref string, logID int32, a ErrorAnswer) (sfid string, seen bool, err error) {
	conn, mappings, in, err := s.inboxOf(ctx, c, access.Operate, ref)
	if err != nil {
		return "", false, err
	}
	if in == nil {
		return "", false, nothingMapped()
	}
	if (a.Arrived != "") == a.SendAgain {
		return "", false, invalid("It is not said what became of the insert.", "Say that it arrived, with the record's Id, or that it is to be sent again.")
	}
	if a.Arrived != "" {
		d, err := in.Show(ctx, logID)
		if err != nil {
			return "", false, inboxProblem("read the entry", err)
		}
		if sfid, seen, err = s.checkRecord(ctx, conn, mappings, d.Entry.Table, a.Arrived); err != nil {
			return "", false, err
		}
	}
	if err := in.Resolve(ctx, logID, sfid); err != nil {
		if r, ok := errors.AsType[*inbox.Refusal](err); ok {
			return "", false, &Problem{Kind: Conflict, What: r.What, Fix: r.Fix}
		}
		return "", false, inboxProblem("answer for the entry", err)
	}
	err = s.auditOn(ctx, c, conn, "errors.resolve", map[string]any{"log_id": logID, "arrived": sfid, "send_again": a.SendAgain})
	s.wakeSides(ctx, conn)
	return sfid, seen, problem("answer for the entry", err)
}

func (s *Service) checkRecord(ctx context.Context, conn mapping.Connection, mappings []mapping.Mapping, table, id string) (string, bool, error) {
	session, done, err := s.session(ctx, conn)
	if err != nil {
		return "", false, err
	}
	defer done()
	t, err := tablesOf(session, mappings)(ctx, table)
	if err != nil {
		return "", false, inboxProblem("read describes", err)
	}
	sfid, seen, err := inbox.CheckRecord(ctx, session.Org, t, id)
	return sfid, seen, inboxProblem("look for the record", err)
}

func inboxProblem(doing string, err error) error {
	if r, ok := errors.AsType[*inbox.Refusal](err); ok {
		kind := Invalid
		if r.Missing {
			kind = NotFound
		}
		return &Problem{Kind: kind, What: r.What, Fix: r.Fix, Err: err}
	}
	return problem(doing, err)
}

// auditOn writes the audit trail of something that was done in the user's
// database.
func (s *Service) auditOn(ctx context.Context, c Caller, conn mapping.Connection, action string, after any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		return audit(ctx, tx, c, action, conn.ResourceName, conn.ID, nil, after)
	})
	if err != nil {
		return fmt.Errorf("write audit trail: %w", err)
	}
	return nil
}
