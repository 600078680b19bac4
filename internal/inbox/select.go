package inbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

const (
	// chunk is how many entries one transaction changes.
	chunk = 1000
	// pageOfScan is how many failures one look goes through.
	pageOfScan = 5000
	// MaxPage is the greatest number of entries of one action.
	MaxPage = 10000
)

// Span cuts an action on many entries into pages: each goes on After the last
// one, up to Through, the greatest log id when the first began. So nothing is
// chosen twice that fails again meanwhile. Zero values begin.
type Span struct {
	After, Through int32
	// Limit is how many entries a page has at most; MaxPage if 0.
	Limit int
}

func (s Span) limit() int {
	if s.Limit <= 0 || s.Limit > MaxPage {
		return MaxPage
	}
	return s.Limit
}

// chosen is what an action is about, and where the next page begins.
type chosen struct {
	ids  []int32
	next Span
	more bool
}

// choose finds the entries of a filter, in log order.
func (in *Inbox) choose(ctx context.Context, f Filter, s Span) (chosen, error) {
	limit := s.limit()
	if len(f.IDs) > 0 {
		ids := slices.Clone(f.IDs)
		slices.Sort(ids)
		ids = slices.Compact(ids)
		ids = slices.DeleteFunc(ids, func(id int32) bool { return id <= s.After })
		more := len(ids) > limit
		ids = ids[:min(limit, len(ids))]
		c := chosen{ids: ids, more: more, next: s}
		if len(ids) > 0 {
			c.next.After = ids[len(ids)-1]
		}
		return c, nil
	}
	c := chosen{next: s}
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if s.Through == 0 {
			err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM `+in.live).Scan(&c.next.Through)
			if err != nil {
				return fmt.Errorf("read the newest log id: %w", err)
			}
		}
		for {
			done, err := in.scan(ctx, tx, f, &c, limit)
			if err != nil || done {
				return err
			}
		}
	})
	if err != nil {
		return chosen{}, fmt.Errorf("choose failures: %w", err)
	}
	return c, nil
}

// scan looks through a page of failures; it is done when there are no more, or
// limit is reached.
func (in *Inbox) scan(ctx context.Context, tx pgx.Tx, f Filter, c *chosen, limit int) (done bool, err error) {
	source, args := in.source(f)
	through := c.next.Through
	if through == 0 {
		through = math.MaxInt32 // the live log is empty, the archive may not be
	}
	rows, err := tx.Query(ctx, `SELECT id, coalesce(table_name, ''), coalesce(action, ''), message FROM (`+source+`) f
		WHERE id > $5 AND id <= $6 ORDER BY id LIMIT $7`, append(args, c.next.After, through, pageOfScan)...)
	if err != nil {
		return false, fmt.Errorf("look through failed changes: %w", err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var id int32
		var table, action, message string
		if err := rows.Scan(&id, &table, &action, &message); err != nil {
			return false, fmt.Errorf("look through failed changes: %w", err)
		}
		seen++
		if f.fits(table, action, message) {
			if len(c.ids) == limit {
				c.more = true
				return true, nil
			}
			c.ids = append(c.ids, id)
		}
		c.next.After = id
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("look through failed changes: %w", err)
	}
	return seen < pageOfScan, nil
}

// Entry is an entry of the log with what else a person must know of it.
type Entry struct {
	triggerlog.Entry
	// Archived entries are in the log's archive.
	Archived bool
	// Result is sf_result: 1 for one that failed, also if it was ignored since.
	Result int32
	// FailedAt is when it was settled; for others when it was last changed.
	FailedAt time.Time
	Cause    Cause
}

const entryColumns = `id, coalesce(txid, 0), coalesce(created_at, 'epoch'), coalesce(state, ''), coalesce(action, ''),
	coalesce(table_name, ''), coalesce(record_id, 0), coalesce(sfid, ''), old, "values", coalesce(sf_message, ''),
	coalesce(sf_result, 0), coalesce(` + failedAt + `, 'epoch')`

func collectEntries(rows pgx.Rows, archived bool) ([]Entry, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Entry, err error) {
		err = row.Scan(&e.ID, &e.TxID, &e.CreatedAt, &e.State, &e.Action, &e.Table, &e.RecordID, &e.Sfid,
			&e.Old, &e.Values, &e.Message, &e.Result, &e.FailedAt)
		e.Archived = archived
		e.Cause = CauseOf(e.Message)
		return e, err
	})
}

// fetch reads entries by id, of the live log and then of the archive; suffix
// may lock them.
func (in *Inbox) fetch(ctx context.Context, tx pgx.Tx, ids []int32, suffix string) ([]Entry, error) {
	var out []Entry
	found := map[int32]bool{}
	for _, from := range []struct {
		table    string
		archived bool
	}{{in.live, false}, {in.archive, true}} {
		rows, err := tx.Query(ctx, `SELECT `+entryColumns+` FROM `+from.table+` WHERE id = ANY($1::int[]) ORDER BY id`+suffix, ids)
		if err != nil {
			return nil, fmt.Errorf("read log entries: %w", err)
		}
		list, err := collectEntries(rows, from.archived)
		if err != nil {
			return nil, fmt.Errorf("read log entries: %w", err)
		}
		for _, e := range list {
			if !found[e.ID] {
				found[e.ID] = true
				out = append(out, e)
			}
		}
		if len(found) == len(ids) {
			break
		}
	}
	return out, nil
}

// Entries lists failures newest first with a log id below before (0 for the
// newest), at most limit. Where the filter is for unknown outcomes, by their code
// or a group of theirs, it lists those.
func (in *Inbox) Entries(ctx context.Context, f Filter, before int32, limit int) ([]Entry, error) {
	if before <= 0 {
		before = math.MaxInt32
	}
	var out []Entry
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ids, err := in.lostIDs(ctx, tx, f, before, limit)
		if err == nil && len(ids) == 0 {
			ids, err = in.newest(ctx, tx, f, before, limit)
		}
		if err != nil {
			return err
		}
		out, err = in.fetch(ctx, tx, ids, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list failures: %w", err)
	}
	slices.SortFunc(out, func(a, b Entry) int { return int(b.ID) - int(a.ID) })
	return out, nil
}

// lostIDs are the log ids of inserts whose outcome is not known, if the filter is
// for them.
func (in *Inbox) lostIDs(ctx context.Context, tx pgx.Tx, f Filter, before int32, limit int) ([]int32, error) {
	if f.Code != CodeUnknown && f.Group == "" {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT log_id, table_name FROM _syncline.intent WHERE connection_id = $1 AND state = 'unknown'
		AND ($2 = '' OR table_name = $2) AND log_id < $3 ORDER BY log_id DESC`, in.conn.ID, f.Table, before)
	if err != nil {
		return nil, fmt.Errorf("read unknown outcomes: %w", err)
	}
	var ids []int32
	var id int32
	var table string
	_, err = pgx.ForEachRow(rows, []any{&id, &table}, func() error {
		if len(ids) < limit && (f.Group == "" || f.Group == lostKey(table)) {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read unknown outcomes: %w", err)
	}
	return ids, nil
}

func lostKey(table string) string { return keyOf(string(Unknown), table) }

func (in *Inbox) newest(ctx context.Context, tx pgx.Tx, f Filter, before int32, limit int) ([]int32, error) {
	source, args := in.source(f)
	rows, err := tx.Query(ctx, `SELECT id, coalesce(table_name, ''), coalesce(action, ''), message FROM (`+source+`) f
		WHERE id < $5 AND (cardinality($6::int[]) = 0 OR id = ANY($6::int[])) ORDER BY id DESC`,
		append(args, before, append([]int32{}, f.IDs...))...)
	if err != nil {
		return nil, fmt.Errorf("read failed changes: %w", err)
	}
	defer rows.Close()
	var ids []int32
	for rows.Next() && len(ids) < limit {
		var id int32
		var table, action, message string
		if err := rows.Scan(&id, &table, &action, &message); err != nil {
			return nil, fmt.Errorf("read failed changes: %w", err)
		}
		if f.fits(table, action, message) {
			ids = append(ids, id)
		}
	}
	rows.Close()
	return ids, rows.Err()
}

// Set are the values that the entry sets, by column; nil if it can't be read.
func (e Entry) Set() Values { return valuesOf(e.Values) }
