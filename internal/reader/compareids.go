package reader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// restRange is how many rows make a range where Ids come by queries: a turn
// takes a range whole.
const restRange = 50_000

// maxExtra bounds the records that one comparison has read anew.
const maxExtra = 10_000

// ranges cuts the table's Ids into ranges of about equal size.
func (c *comparison) ranges(ctx context.Context, rows int64) ([]idRange, error) {
	size := c.r.settings.ReconcileRange
	if !c.state.Detail.Bulk {
		size = min(size, restRange)
	}
	if rows <= int64(size) {
		return []idRange{{}}, nil
	}
	found, err := c.r.db.Pool().Query(ctx, `SELECT sfid FROM (
		SELECT sfid, row_number() OVER (ORDER BY sfid COLLATE "C") AS n FROM `+c.tableName()+` WHERE sfid IS NOT NULL) s
		WHERE n % $1 = 0 ORDER BY sfid COLLATE "C"`, size)
	if err != nil {
		return nil, fmt.Errorf("cut the Ids of %s into ranges: %w", c.table.Name, err)
	}
	ends, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("cut the Ids of %s into ranges: %w", c.table.Name, err)
	}
	var out []idRange
	after := ""
	for _, end := range append(ends, "") {
		out = append(out, idRange{After: after, UpTo: end})
		after = end
	}
	return out, nil
}

// compare takes the range at hand; ready is false while its Bulk job runs.
func (c *comparison) compare(ctx context.Context) (ready bool, err error) {
	d := &c.state.Detail
	if d.At >= len(d.Ranges) {
		return false, errNoRanges
	}
	asked, err := c.r.db.Now(ctx)
	if err != nil {
		return false, err
	}
	set := newIDSet()
	if d.Bulk {
		asked, ready, err = c.listByBulk(ctx, set, asked)
		if bulk.Refused(err) || isJobError(err) {
			d.Bulk, d.NoBulk, d.Early = false, true, true
			c.state.StartedAt, d.Ranges = time.Time{}, nil
			return false, c.save(ctx)
		}
		if bulk.Gone(err) {
			d.Job = idsJob{}
			return false, c.save(ctx)
		}
		if err != nil || !ready {
			return false, err
		}
	} else if err := c.listByQuery(ctx, set); err != nil {
		return false, err
	}
	set.seal()
	return true, c.absent(ctx, set, asked)
}

func isJobError(err error) bool {
	_, ok := errors.AsType[*bulk.JobError](err)
	return ok
}

// listByQuery lists the range's Ids page by page.
func (c *comparison) listByQuery(ctx context.Context, set *idSet) error {
	d := &c.state.Detail
	list, batch := c.r.pages(c.table), record.NewBatch(idLayout())
	for {
		done, err := list.fetch(ctx, batch, idsQuery(c.table, d.Ranges[d.At]), idsAll(c.table))
		if err != nil {
			return fmt.Errorf("list Ids: %w", err)
		}
		if err := c.collect(ctx, set, batch); err != nil || done {
			return err
		}
	}
}

// listByBulk lists the range's Ids through a job, which it creates, or looks at
// when it is time to.
func (c *comparison) listByBulk(ctx context.Context, set *idSet, now time.Time) (asked time.Time, ready bool, err error) {
	d := &c.state.Detail
	if d.Job.ID == "" {
		job, err := c.r.bulk.Create(ctx, idsQuery(c.table, d.Ranges[d.At]), idsAll(c.table))
		if err != nil {
			return now, false, err
		}
		d.Job = idsJob{ID: job.ID, Asked: now}
		if err := c.save(ctx); err != nil {
			return now, false, err
		}
	}
	if c.began.Before(d.Job.Next) {
		return now, false, nil
	}
	job, err := c.r.bulk.Job(ctx, d.Job.ID)
	if err == nil {
		err = job.Err()
	}
	if err != nil {
		return now, false, err
	}
	if job.State != bulk.JobComplete {
		d.Job.Looks++
		d.Job.Next = now.Add(min(time.Duration(d.Job.Looks)*5*time.Second, time.Minute))
		return now, false, c.save(ctx)
	}
	if err := c.readJob(ctx, set); err != nil {
		return now, false, err
	}
	if len(set.hashes) != job.Records {
		return now, false, &ShortError{Announced: job.Records, Read: len(set.hashes)}
	}
	if err := c.r.bulk.Delete(ctx, d.Job.ID); err != nil {
		c.r.log.InfoContext(ctx, "a Bulk job was read and not deleted; the org drops it after seven days", "job", d.Job.ID, "error", err)
	}
	return d.Job.Asked, true, nil
}

// idPageRows is the number of Ids that a page is asked to have.
const idPageRows = 500_000

func (c *comparison) readJob(ctx context.Context, set *idSet) error {
	list, err := c.r.bulk.Pages(ctx, c.state.Detail.Job.ID, idPageRows)
	for err == nil {
		for _, link := range list.Links {
			if err := c.readPage(ctx, link, set); err != nil {
				return err
			}
		}
		if list.Next == "" {
			return nil
		}
		list, err = c.r.bulk.MorePages(ctx, list.Next)
	}
	return err
}

func (c *comparison) readPage(ctx context.Context, link string, set *idSet) error {
	batch := record.NewBatch(idLayout())
	return c.r.bulk.ReadPage(ctx, link, batch.Layout, 0, func(page *bulk.PageReader) error {
		for {
			batch.Reset()
			_, err := page.Next(batch, bulkcsv.Limit{Rows: 10_000, Bytes: 1 << 20})
			if failed := c.collect(ctx, set, batch); failed != nil {
				return failed
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// collect adds Ids to the set, and has records that have no row read by Id.
func (c *comparison) collect(ctx context.Context, set *idSet, batch *record.Batch) error {
	c.told.Compared += batch.Len()
	ids := make([]string, batch.Len())
	for i := range batch.Len() {
		id := batch.Value(i, batch.Layout.ID)
		set.add(id)
		ids[i] = id.String()
	}
	d := &c.state.Detail
	if len(ids) == 0 || d.Extra >= maxExtra || activity(c.table) && !archived(c.table) {
		return nil
	}
	rows, err := c.r.db.Pool().Query(ctx, `SELECT u.id FROM unnest($1::text[]) AS u(id)
		WHERE NOT EXISTS (SELECT FROM `+c.tableName()+` t WHERE t.sfid = u.id) LIMIT $2`, ids, maxExtra-d.Extra)
	if err != nil {
		return fmt.Errorf("look for records without a row: %w", err)
	}
	extra, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for records without a row: %w", err)
	}
	if len(extra) == 0 {
		return nil
	}
	d.Extra += len(extra)
	c.told.Extra += len(extra)
	reasons := make([]string, len(extra))
	for i := range reasons {
		reasons[i] = "it had no row when all Ids were compared"
	}
	_, err = c.r.db.Write(ctx, c.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return apply.Defer(ctx, tx, c.r.connection, c.table.Mapping.ID, extra, reasons)
	})
	return err
}

// absent notes the rows of the range whose Id is not in the set, and forgets
// that others were missing before.
func (c *comparison) absent(ctx context.Context, set *idSet, asked time.Time) error {
	d := &c.state.Detail
	rng := d.Ranges[d.At]
	err := c.r.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		sql, args := c.rowsOf(rng)
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var (
			g    apply.Gone
			gone []apply.Gone
		)
		_, err = pgx.ForEachRow(rows, []any{&g.Sfid, &g.Version}, func() error {
			if set.has(g.Sfid) {
				return nil
			}
			if gone = append(gone, g); len(gone) < 5000 {
				return nil
			}
			defer func() { gone = gone[:0] }()
			return c.note(ctx, gone)
		})
		if err != nil {
			return err
		}
		return c.note(ctx, gone)
	})
	if err != nil {
		return fmt.Errorf("compare the rows of %s: %w", c.table.Name, err)
	}
	return c.found(ctx, rng, asked)
}

// rowsOf selects the rows of a range, but for those that are marked as deleted.
func (c *comparison) rowsOf(r idRange) (sql string, args []any) {
	sql = "SELECT sfid, xmin::text FROM " + c.tableName() + " WHERE sfid IS NOT NULL"
	if all(c.table) {
		sql += " AND isdeleted IS NOT TRUE"
	}
	bounds, args := r.sql()
	return sql + bounds, args
}

// sql is the range as conditions on sfid.
func (r idRange) sql() (sql string, args []any) {
	if r.After != "" {
		args = append(args, r.After)
		sql += fmt.Sprintf(` AND sfid COLLATE "C" > $%d`, len(args))
	}
	if r.UpTo != "" {
		args = append(args, r.UpTo)
		sql += fmt.Sprintf(` AND sfid COLLATE "C" <= $%d`, len(args))
	}
	return sql, args
}

func (c *comparison) note(ctx context.Context, gone []apply.Gone) error {
	if len(gone) == 0 {
		return nil
	}
	_, err := c.r.db.Write(ctx, c.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return c.r.noteMissing(ctx, tx, c.poll, gone, 0)
	})
	return err
}

// found forgets rows of the range that were missing before and are not now.
func (c *comparison) found(ctx context.Context, rng idRange, asked time.Time) error {
	bounds, args := rng.sql()
	args = append(args, c.r.connection, c.table.Mapping.ID, asked)
	n := len(args)
	sql := fmt.Sprintf(`DELETE FROM _syncline.missing WHERE connection_id = $%d AND mapping = $%d AND looked_at < $%d`, n-2, n-1, n) + bounds
	_, err := c.r.db.Write(ctx, c.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget records that were found again: %w", err)
	}
	return nil
}
