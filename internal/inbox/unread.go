package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/target"
)

// UnreadRecord is a record that the database did not take into its row. Syncline
// tries it again by itself.
type UnreadRecord struct {
	ID     int64
	Object string
	Sfid   string
	// Record is what came, as a JSON object of texts; "" if it is not known.
	Record string
	// Code is an SQLSTATE.
	Code, Message string
	Attempts      int
	FirstAt       time.Time
	// NextAt is when it is tried again; zero if at the next poll.
	NextAt time.Time
	// Group is the key of its group.
	Group string
}

func unreadKey(mapping uuid.UUID, code, message string) string {
	return keyOf(string(Unread), mapping.String(), code, Pattern(message))
}

// Unread lists records that could not be stored in their row, newest first, at
// most limit. Of the filter its group, table, code and age count.
func (in *Inbox) Unread(ctx context.Context, f Filter, limit int) ([]UnreadRecord, error) {
	var out []UnreadRecord
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		out, err = in.unreadRecords(ctx, tx, f, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list records that could not be stored: %w", err)
	}
	return out, nil
}

func (in *Inbox) unreadRecords(ctx context.Context, tx pgx.Tx, f Filter, limit int) ([]UnreadRecord, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, mapping, coalesce(sfid, ''), coalesce(record, ''), coalesce(code, ''), coalesce(message, ''), attempts, first_at,
			coalesce(next_at, '0001-01-01')
		FROM _syncline.read_error WHERE connection_id = $1 AND `+apply.NotIgnored+` AND ($2 = '' OR code = $2) AND ($3 = 0 OR first_at > now() - $3 * interval '1 second')
		ORDER BY id DESC`, in.conn.ID, f.Code, int64(f.Within/time.Second))
	if err != nil {
		return nil, fmt.Errorf("read them: %w", err)
	}
	defer rows.Close()
	var out []UnreadRecord
	for rows.Next() && len(out) < limit {
		var r UnreadRecord
		var mapping uuid.UUID
		if err := rows.Scan(&r.ID, &mapping, &r.Sfid, &r.Record, &r.Code, &r.Message, &r.Attempts, &r.FirstAt, &r.NextAt); err != nil {
			return nil, fmt.Errorf("read them: %w", err)
		}
		m, ok := in.objects[mapping]
		r.Object, r.Group = m.ObjectName, unreadKey(mapping, r.Code, r.Message)
		if f.Table != "" && (!ok || TableOf(m) != f.Table) || f.Group != "" && f.Group != r.Group {
			continue
		}
		out = append(out, r)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read them: %w", err)
	}
	return out, nil
}

// ReadAgain makes records due at once that could not be stored in their row, and
// returns how many. Of the filter the same counts as for [Inbox.Unread].
func (in *Inbox) ReadAgain(ctx context.Context, f Filter) (int, error) {
	n, err := in.dueAt(ctx, f, "clock_timestamp()")
	if err != nil {
		return 0, fmt.Errorf("make records due: %w", err)
	}
	return n, nil
}

// IgnoreUnread leaves such records out of their rows: they are tried again when
// they change in Salesforce or are loaded anew, and told of again only if they
// are refused for another reason then.
func (in *Inbox) IgnoreUnread(ctx context.Context, f Filter) (int, error) {
	n, err := in.dueAt(ctx, f, "'"+apply.Ignored+"'")
	if err != nil {
		return 0, fmt.Errorf("ignore records: %w", err)
	}
	return n, nil
}

func (in *Inbox) dueAt(ctx context.Context, f Filter, moment string) (n int, err error) {
	err = in.write(ctx, func(ctx context.Context, tx *target.Tx) error {
		list, err := in.unreadRecords(ctx, tx, f, MaxPage)
		if err != nil {
			return err
		}
		ids := make([]int64, len(list))
		for i, r := range list {
			ids[i] = r.ID
		}
		tag, err := tx.Exec(ctx, `UPDATE _syncline.read_error SET next_at = `+moment+` WHERE id = ANY($1::bigint[])`, ids)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}
