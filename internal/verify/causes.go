package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/record"
)

// causes guesses why records may differ.
func (j *job) causes(ctx context.Context, s *second, sfids []string) error {
	s.cause = map[string]Cause{"": Local}
	var stamp time.Time
	err := j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		stamp, err = j.readUpTo(ctx, tx)
		if err != nil {
			return err
		}
		return j.held(ctx, tx, s.cause, sfids)
	})
	if err != nil {
		return fmt.Errorf("look for causes: %w", err)
	}
	for _, id := range sfids {
		if s.cause[id] == "" {
			s.cause[id] = Unknown
			if rec := s.records[id]; rec != nil && j.unread(rec, stamp) {
				s.cause[id] = Unread
			}
		}
	}
	return j.filtered(ctx, s, sfids)
}

// readUpTo is the moment up to which the mapping was read; zero if that is not
// known.
func (j *job) readUpTo(ctx context.Context, tx pgx.Tx) (stamp time.Time, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(max(stamp), 'epoch') FROM _syncline.mark WHERE connection_id = $1 AND mapping = $2`,
		j.Connection.ID, j.table.Mapping.ID).Scan(&stamp)
	return stamp, err
}

func (j *job) unread(rec *row, upTo time.Time) bool {
	s := j.table.Layout.Stamp
	return s >= 0 && upTo.Unix() > 0 && rec.values[s] != nil && !rec.values[s].Time().Before(upTo)
}

// held are records that were left out when they were read.
func (j *job) held(ctx context.Context, tx pgx.Tx, cause map[string]Cause, sfids []string) error {
	rows, err := tx.Query(ctx, `
		SELECT sfid, $4::text FROM _syncline.deferred WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])
		UNION ALL
		SELECT sfid, $5::text FROM _syncline.read_error WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])`,
		j.Connection.ID, j.table.Mapping.ID, textsOf(sfids), string(Deferred), string(ReadError))
	if err != nil {
		return err
	}
	var id, why string
	_, err = pgx.ForEachRow(rows, []any{&id, &why}, func() error {
		cause[id] = Cause(why)
		return nil
	})
	return err
}

// filtered finds rows whose record is there and does not match the filter.
func (j *job) filtered(ctx context.Context, s *second, sfids []string) error {
	if j.table.Mapping.Options.Filter == "" {
		return nil
	}
	var lone []string
	for _, id := range sfids {
		if s.records[id] == nil && s.rows[id] != nil && s.cause[id] == Unknown {
			lone = append(lone, id)
		}
	}
	if len(lone) == 0 {
		return nil
	}
	ids := narrow(j.table)
	b := record.NewBatch(ids.Layout)
	page, err := j.query(ctx, "SELECT "+strings.Join(ids.Layout.Paths(), ", ")+" FROM "+j.table.Object+
		" WHERE Id IN ('"+strings.Join(lone, "', '")+"')", false, b)
	for err == nil && !page.Done {
		page, err = j.more(ctx, page.Next, b)
	}
	if err != nil {
		return fmt.Errorf("look for records that the filter leaves out: %w", err)
	}
	for i := range b.Len() {
		s.cause[b.Value(i, ids.Layout.ID).String()] = Filter
	}
	return nil
}
