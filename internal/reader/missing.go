package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// missing is what is known of a mapping's rows whose record was not found.
type missing struct {
	// All of them, of which Sure were looked for twice; Due of the others may be
	// looked for again.
	All, Sure, Due int
}

func (r *Reader) missing(ctx context.Context, p *poll) (m missing, err error) {
	err = r.db.Pool().QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE tries > 0),
			count(*) FILTER (WHERE tries = 0 AND since <= clock_timestamp() - make_interval(secs => $3))
		FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2`,
		r.connection, p.table.Mapping.ID, r.settings.ConfirmAfter.Seconds()).Scan(&m.All, &m.Sure, &m.Due)
	if err != nil {
		return m, fmt.Errorf("count missing records: %w", err)
	}
	return m, nil
}

// noteMissing notes rows whose record was not found, each with its version from
// before that look. One that is noted already counts a try, unless its row was
// written since: then all begins anew.
func (r *Reader) noteMissing(ctx context.Context, tx *target.Tx, p *poll, gone []apply.Gone, tries int) error {
	if len(gone) == 0 {
		return nil
	}
	sfids, versions := make([]string, len(gone)), make([]string, len(gone))
	for i, g := range gone {
		sfids[i], versions[i] = g.Sfid, g.Version
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO _syncline.missing AS m (connection_id, mapping, sfid, version, looked_at, tries)
		SELECT $1, $2, g.sfid, g.version, clock_timestamp(), $5 FROM unnest($3::text[], $4::text[]) AS g(sfid, version)
		ON CONFLICT (connection_id, mapping, sfid) DO UPDATE SET looked_at = clock_timestamp(),
			tries = CASE WHEN m.version = excluded.version THEN m.tries + 1 ELSE $5 END,
			since = CASE WHEN m.version = excluded.version THEN m.since ELSE clock_timestamp() END,
			version = excluded.version`,
		r.connection, p.table.Mapping.ID, sfids, versions, tries)
	if err != nil {
		return fmt.Errorf("note missing records: %w", err)
	}
	return nil
}

// confirm looks once more, by Id, for records that were not found a while ago.
func (c *comparison) confirm(ctx context.Context) error {
	for {
		ids, err := c.dueMissing(ctx)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := c.look(ctx, ids, 0); err != nil {
			return fmt.Errorf("look again for missing records: %w", err)
		}
		if len(ids) < idsPerQuery {
			return nil
		}
	}
}

// look asks which of the records are there. Those are left to the next poll,
// which alone brings values: two turns that did would overtake each other (I4).
// The others are missing, as if they had been looked for so often before.
func (c *comparison) look(ctx context.Context, ids []string, tries int) error {
	before, err := c.versions(ctx, ids)
	if err != nil {
		return err
	}
	var found []string
	list, batch := c.r.pages(c.table), record.NewBatch(idLayout())
	for done := false; !done; {
		if done, err = list.fetch(ctx, batch, whichQuery(c.table, ids), all(c.table)); err != nil {
			return err
		}
		for i := range batch.Len() {
			found = append(found, batch.Value(i, batch.Layout.ID).String())
		}
	}
	absent := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(found, id) })
	reasons := slices.Repeat([]string{"its row seemed to have no record"}, len(found))
	_, err = c.r.db.Write(ctx, c.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		if err := c.notMissing(ctx, tx, found); err != nil {
			return err
		}
		if err := apply.Defer(ctx, tx, c.r.connection, c.table.Mapping.ID, found, reasons); err != nil {
			return err
		}
		return c.forget(ctx, tx, absent, before, tries)
	})
	return err
}

func (c *comparison) dueMissing(ctx context.Context) ([]string, error) {
	rows, err := c.r.db.Pool().Query(ctx, `SELECT sfid FROM _syncline.missing
		WHERE connection_id = $1 AND mapping = $2 AND tries = 0
			AND since <= clock_timestamp() - make_interval(secs => $3) ORDER BY sfid LIMIT $4`,
		c.r.connection, c.table.Mapping.ID, c.r.settings.ConfirmAfter.Seconds(), idsPerQuery)
	if err != nil {
		return nil, fmt.Errorf("list missing records: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list missing records: %w", err)
	}
	return ids, nil
}

// removeSize is how many rows go in one transaction.
const removeSize = 500

// settle removes the rows whose record is surely gone, if the brake lets them
// go. Strict says why a person must be asked whatever their number.
func (p *poll) settle(ctx context.Context, m missing, strict string) error {
	if m.Sure == 0 {
		return p.lapse(ctx)
	}
	answer, hold, err := p.ask(ctx, m.Sure, strict)
	if err != nil || answer == brake.Held {
		return err
	}
	if answer == brake.Discarded {
		return p.dropMissing(ctx)
	}
	var after string
	for {
		list, asked, err := p.sure(ctx, after)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		after = list[len(list)-1].Sfid
		if err := p.removeGone(ctx, list, asked); err != nil {
			return err
		}
	}
	if answer == brake.Released {
		return p.r.brake.Spend(ctx, p.r.db.Pool(), hold.ID)
	}
	return nil
}

// lapse ends a hold that is about nothing any more.
func (p *poll) lapse(ctx context.Context) error {
	_, open, err := p.r.brake.Open(ctx, p.r.db.Pool(), p.table.Mapping.ID, brake.Read)
	if err != nil || !open {
		return err
	}
	_, err = p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		_, _, err := p.r.brake.Check(ctx, tx, brake.Run{Mapping: p.table.Mapping.ID, Direction: brake.Read})
		return err
	})
	return err
}

// ask asks the brake. A hold that is open already is only counted anew when
// the number has changed: the whole count of a table costs.
func (p *poll) ask(ctx context.Context, n int, strict string) (answer brake.Answer, hold brake.Hold, err error) {
	open, ok, err := p.r.brake.Open(ctx, p.r.db.Pool(), p.table.Mapping.ID, brake.Read)
	if err != nil {
		return brake.Held, open, err
	}
	if ok && open.Rows == int64(n) {
		return brake.Held, open, nil
	}
	_, err = p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		answer, hold, err = p.brakeIn(ctx, tx, n, strict)
		return err
	})
	return answer, hold, err
}

func (p *poll) brakeIn(ctx context.Context, tx *target.Tx, n int, strict string) (brake.Answer, brake.Hold, error) {
	run := brake.Run{
		Mapping: p.table.Mapping.ID, Direction: brake.Read, Deletes: int64(n), Limits: p.r.limits, Strict: strict,
		Reason: "their records are not found in Salesforce any more, or are deleted there",
	}
	if run.Strict != "" || n > run.Limits.Rows {
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+p.tableName()).Scan(&run.Of); err != nil {
			return brake.Held, brake.Hold{}, fmt.Errorf("count rows of %s: %w", p.table.Name, err)
		}
	}
	rows, err := tx.Query(ctx, `SELECT sfid FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2 AND tries > 0
		ORDER BY sfid LIMIT 20`, p.r.connection, p.table.Mapping.ID)
	if err == nil {
		run.Sample, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return brake.Held, brake.Hold{}, fmt.Errorf("list missing records: %w", err)
	}
	return p.r.brake.Check(ctx, tx, run)
}

func (p *poll) tableName() string { return pgx.Identifier{p.r.schema, p.table.Name}.Sanitize() }

// sure lists rows whose record is surely gone, and the oldest moment at which
// one of them was looked for.
func (p *poll) sure(ctx context.Context, after string) (list []apply.Gone, asked time.Time, err error) {
	rows, err := p.r.db.Pool().Query(ctx, `SELECT sfid, version, coalesce(looked_at, since) FROM _syncline.missing
		WHERE connection_id = $1 AND mapping = $2 AND tries > 0 AND sfid > $3 ORDER BY sfid LIMIT $4`,
		p.r.connection, p.table.Mapping.ID, after, removeSize)
	if err != nil {
		return nil, asked, fmt.Errorf("list missing records: %w", err)
	}
	var (
		g  apply.Gone
		at time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&g.Sfid, &g.Version, &at}, func() error {
		list = append(list, g)
		if asked.IsZero() || at.Before(asked) {
			asked = at
		}
		return nil
	})
	if err != nil {
		return nil, asked, fmt.Errorf("list missing records: %w", err)
	}
	return list, asked, nil
}

// removeGone removes rows. Those that are left as they are will be looked for
// again: somebody is at work on them, or the record is back.
func (p *poll) removeGone(ctx context.Context, list []apply.Gone, asked time.Time) error {
	var res apply.Result
	_, err := p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		var left []string
		var err error
		if res, left, err = p.applier.Remove(ctx, tx, list, asked); err != nil {
			return fmt.Errorf("remove rows whose records are gone: %w", err)
		}
		return p.lookAgain(ctx, tx, left)
	})
	if err != nil {
		return err
	}
	p.out.Result = p.out.Result.Add(res)
	p.r.observe(Observation{Mapping: p.table.Mapping.ID, Object: p.table.Object, Result: res})
	return nil
}

// lookAgain has rows that could not be removed start anew, as they are now.
func (p *poll) lookAgain(ctx context.Context, tx *target.Tx, sfids []string) error {
	if len(sfids) == 0 {
		return nil
	}
	versions, err := p.applier.Versions(ctx, tx, sfids)
	if err != nil {
		return err
	}
	if err := p.notMissing(ctx, tx, sfids); err != nil {
		return err
	}
	return p.r.noteMissing(ctx, tx, p, present(sfids, versions), 0)
}

// notMissing forgets that records were missing.
func (p *poll) notMissing(ctx context.Context, tx *target.Tx, sfids []string) error {
	_, err := tx.Exec(ctx, `DELETE FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])`,
		p.r.connection, p.table.Mapping.ID, sfids)
	if err != nil {
		return fmt.Errorf("forget missing records: %w", err)
	}
	return nil
}

// present are those of the Ids that have a row.
func present(sfids []string, versions map[string]string) []apply.Gone {
	var out []apply.Gone
	for _, sfid := range slices.Compact(slices.Sorted(slices.Values(sfids))) {
		if v, ok := versions[sfid]; ok {
			out = append(out, apply.Gone{Sfid: sfid, Version: v})
		}
	}
	return out
}

// dropMissing forgets what is missing: a person said that the rows stay.
func (p *poll) dropMissing(ctx context.Context) error {
	_, err := p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2`, p.r.connection, p.table.Mapping.ID)
		return err
	})
	if err != nil {
		return errors.Join(errors.New("keep rows whose records are gone"), err)
	}
	return nil
}
