package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Kind of a group.
type Kind string

// The kinds.
const (
	// Refused changes are FAILED: a person may retry, edit or ignore them.
	Refused Kind = "refused"
	// Unknown are inserts of which it is not known whether they arrived.
	Unknown Kind = "unknown"
	// Unread records could not be stored in their row; Syncline tries again by
	// itself.
	Unread Kind = "unread"
)

// Group is failures of one cause.
type Group struct {
	// Key names the group as long as its cause is the same.
	Key  string
	Kind Kind
	// Object is "" if the table has no mapping (any more).
	Object, Table string
	// Operation is INSERT, UPDATE or DELETE; "" for unread records.
	Operation string
	Code      string
	// Pattern is the message without what differs between records.
	Pattern string
	Advice  Advice
	// Count is all of them, Archived those in the log's archive.
	Count, Archived int
	First, Last     time.Time
	// Sample is the newest.
	Sample Sample
}

// Sample is one failure of a group.
type Sample struct {
	// LogID is 0 for an unread record.
	LogID    int32
	RecordID int32
	Sfid     string
	Message  string
}

// Filter chooses failures. Its zero value is every one in the live log.
type Filter struct {
	// IDs are log ids; if there are any, nothing else counts.
	IDs []int32
	// Group is a group's key.
	Group string
	// Table is a table's name without schema.
	Table     string
	Operation triggerlog.Action
	Code      string
	// Within is the age of the failure at most; 0 for any.
	Within time.Duration
	// Archived takes in the log's archive.
	Archived bool
}

// source is where FAILED entries are read from: the live log, and if asked for
// the archive. Conditions that SQL can tell are in it; $1 to $4 are its arguments.
func (in *Inbox) source(f Filter) (sql string, args []any) {
	const where = ` WHERE state = 'FAILED' AND ($1 = '' OR table_name = $1) AND ($2 = '' OR action = $2)
		AND ($3 = '' OR starts_with(coalesce(sf_message, ''), $3 || ': ')) AND ($4 = 0 OR ` + failedAt + ` > now() - $4 * interval '1 second')`
	const columns = `id, table_name, action, coalesce(sf_message, '') AS message, record_id, sfid, ` + failedAt + ` AS at, `
	code := f.Code
	if code == CodeRowRefused || code == CodeOther {
		code = "" // they stand in no message
	}
	args = []any{f.Table, string(f.Operation), code, int64(f.Within / time.Second)}
	sql = `SELECT ` + columns + `false AS archived FROM ` + in.live + where
	if f.Archived {
		sql += ` UNION ALL SELECT ` + columns + `true FROM ` + in.archive + where
	}
	return sql, args
}

// failedAt is when an entry failed.
const failedAt = `coalesce(processed_at, updated_at, created_at)`

// fits tells the conditions of a filter that SQL can't.
func (f Filter) fits(table, action, message string) bool {
	c := CauseOf(message)
	if f.Code != "" && c.Code != f.Code {
		return false
	}
	return f.Group == "" || refusedKey(table, action, c) == f.Group
}

func refusedKey(table, action string, c Cause) string {
	return keyOf(string(Refused), table, action, c.Code, Pattern(c.Message))
}

// Groups puts failures together by cause, the most frequent first. Unread
// records and unknown outcomes are among them unless the filter is for what
// they don't have.
func (in *Inbox) Groups(ctx context.Context, f Filter) ([]Group, error) {
	groups := map[string]*Group{}
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := in.refused(ctx, tx, f, groups); err != nil {
			return err
		}
		if err := in.unknown(ctx, tx, f, groups); err != nil {
			return err
		}
		return in.unread(ctx, tx, f, groups)
	})
	if err != nil {
		return nil, fmt.Errorf("group failures: %w", err)
	}
	out := make([]Group, 0, len(groups))
	for key, g := range groups {
		if f.Group == "" || f.Group == key {
			out = append(out, *g)
		}
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), strings.Compare(a.Key, b.Key))
	})
	return out, nil
}

// add counts failures of one message.
func add(groups map[string]*Group, g Group) {
	have := groups[g.Key]
	if have == nil {
		groups[g.Key] = &g
		return
	}
	have.Count += g.Count
	have.Archived += g.Archived
	if g.First.Before(have.First) {
		have.First = g.First
	}
	if g.Last.After(have.Last) {
		have.Last, have.Sample = g.Last, g.Sample
	}
}

func (in *Inbox) refused(ctx context.Context, tx pgx.Tx, f Filter, groups map[string]*Group) error {
	source, args := in.source(f)
	rows, err := tx.Query(ctx, `
		SELECT coalesce(table_name, ''), coalesce(action, ''), message, count(*), count(*) FILTER (WHERE archived), min(at), max(at), max(id),
			coalesce((max(ARRAY[id, record_id]))[2], 0), coalesce((max(ARRAY[lpad(id::text, 10, '0'), sfid]))[2], '')
		FROM (`+source+`) f GROUP BY 1, 2, 3`, args...)
	if err != nil {
		return fmt.Errorf("read failed changes: %w", err)
	}
	var g Group
	_, err = pgx.ForEachRow(rows, []any{&g.Table, &g.Operation, &g.Sample.Message, &g.Count, &g.Archived, &g.First, &g.Last,
		&g.Sample.LogID, &g.Sample.RecordID, &g.Sample.Sfid}, func() error {
		c := CauseOf(g.Sample.Message)
		if f.Code != "" && c.Code != f.Code {
			return nil
		}
		g.Kind, g.Object, g.Code, g.Pattern = Refused, in.object(g.Table), c.Code, Pattern(c.Message)
		g.Key, g.Advice = keyOf(string(Refused), g.Table, g.Operation, g.Code, g.Pattern), adviceOf(c)
		add(groups, g)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read failed changes: %w", err)
	}
	return nil
}

func (in *Inbox) unknown(ctx context.Context, tx pgx.Tx, f Filter, groups map[string]*Group) error {
	if f.Code != "" && f.Code != CodeUnknown || f.Operation != "" && f.Operation != triggerlog.Insert {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT table_name, count(*), min(claimed_at), max(claimed_at), max(log_id), coalesce((max(ARRAY[log_id, record_id]))[2], 0)
		FROM _syncline.intent WHERE connection_id = $1 AND state = 'unknown' AND ($2 = '' OR table_name = $2)
			AND ($3 = 0 OR claimed_at > now() - $3 * interval '1 second')
		GROUP BY table_name`, in.conn.ID, f.Table, int64(f.Within/time.Second))
	if err != nil {
		return fmt.Errorf("read unknown outcomes: %w", err)
	}
	g := Group{Kind: Unknown, Operation: string(triggerlog.Insert), Code: CodeUnknown, Advice: AdviceFor(CodeUnknown)}
	_, err = pgx.ForEachRow(rows, []any{&g.Table, &g.Count, &g.First, &g.Last, &g.Sample.LogID, &g.Sample.RecordID}, func() error {
		g.Key, g.Object = lostKey(g.Table), in.object(g.Table)
		g.Pattern = "the reply was lost"
		add(groups, g)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read unknown outcomes: %w", err)
	}
	return nil
}

func (in *Inbox) unread(ctx context.Context, tx pgx.Tx, f Filter, groups map[string]*Group) error {
	if f.Operation != "" {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT mapping, coalesce(code, ''), coalesce(message, ''), count(*), min(first_at), max(first_at), max(coalesce(sfid, ''))
		FROM _syncline.read_error WHERE connection_id = $1 AND `+apply.NotIgnored+` AND ($2 = 0 OR first_at > now() - $2 * interval '1 second')
		GROUP BY 1, 2, 3`, in.conn.ID, int64(f.Within/time.Second))
	if err != nil {
		return fmt.Errorf("read records that could not be stored: %w", err)
	}
	var mapping uuid.UUID
	g := Group{Kind: Unread}
	_, err = pgx.ForEachRow(rows, []any{&mapping, &g.Code, &g.Sample.Message, &g.Count, &g.First, &g.Last, &g.Sample.Sfid}, func() error {
		m, ok := in.objects[mapping]
		if g.Table, g.Object = "", m.ObjectName; ok {
			g.Table = TableOf(m)
		}
		if f.Table != "" && f.Table != g.Table || f.Code != "" && f.Code != g.Code {
			return nil
		}
		g.Pattern, g.Advice = Pattern(g.Sample.Message), readAdvice(g.Code)
		g.Key = unreadKey(mapping, g.Code, g.Sample.Message)
		add(groups, g)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read records that could not be stored: %w", err)
	}
	return nil
}
