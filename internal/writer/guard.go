package writer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// braking is what the writer remembers of one table's deletes.
type braking struct {
	// held says that a hold is or may be open, released is the one that a person
	// let go.
	held     bool
	released int64
	// sent are deletes of the last minute.
	sent []sentDeletes
}

type sentDeletes struct {
	at time.Time
	n  int64
}

// deleteRun is how far apart deletes may be sent and still count as one run.
const deleteRun = time.Minute

// guard notes in the input what a person or a mapping keeps from being sent:
// deletes under the brake, and the changes of tables that turned read-only.
func (w *Writer) guard(ctx context.Context, tx *target.Tx, in *plan.Input) error {
	if err := w.noteAccess(ctx, tx); err != nil {
		return err
	}
	in.ReadOnlySince = w.readOnlySince
	if err := w.rememberHolds(ctx, tx); err != nil {
		return err
	}
	deletes := map[string]bool{}
	for _, e := range in.Entries {
		if e.Action == triggerlog.Delete && e.Sfid != "" {
			deletes[e.Table] = true
		}
	}
	in.Braked = map[string]bool{}
	for name, t := range w.cfg.Tables {
		b := w.braking[name]
		if !deletes[name] && !b.held && b.released == 0 {
			continue
		}
		held, err := w.brakeTable(ctx, tx, t, b)
		if err != nil {
			return fmt.Errorf("brake deletes of %s: %w", t.Object, err)
		}
		in.Braked[name] = held
	}
	return nil
}

// rememberHolds learns which tables have an open hold; once, and then from what
// it does itself.
func (w *Writer) rememberHolds(ctx context.Context, tx querier) error {
	if w.braking != nil {
		return nil
	}
	open, err := w.brakes().List(ctx, tx, false)
	if err != nil {
		return err
	}
	w.braking = map[string]*braking{}
	for name, t := range w.cfg.Tables {
		w.braking[name] = &braking{}
		for _, h := range open {
			if h.Mapping == t.Mapping.ID && h.Direction == brake.Write {
				w.braking[name].held = true
			}
		}
	}
	return nil
}

// brakeTable says whether a table's deletes wait for a person.
func (w *Writer) brakeTable(ctx context.Context, tx *target.Tx, t *mapping.Table, b *braking) (bool, error) {
	run, err := w.deleteRun(ctx, tx, t, b)
	if err != nil {
		return false, err
	}
	if run.Deletes == 0 && b.released != 0 {
		err := w.brakes().Spend(ctx, tx, b.released)
		b.released, b.sent = 0, nil
		return false, err
	}
	answer, hold, err := w.brakes().Check(ctx, tx, run)
	if err != nil {
		return false, err
	}
	was := b.held
	b.held = answer == brake.Held
	if was && !b.held {
		w.lookAgain()
	}
	switch answer {
	case brake.Held:
		if !was {
			w.out.WarnContext(ctx, "deletes are held until a person releases them", "table", t.Name, "hold", hold.ID, "deletes", run.Deletes, "of", run.Of)
		}
		return true, nil
	case brake.Released:
		b.released = hold.ID
	case brake.Discarded:
		return true, w.takeBack(ctx, tx, t, hold) // this plan still has them
	case brake.Pass:
	}
	return false, nil
}

// deleteRun counts the deletes that wait, and those that have just been sent.
func (w *Writer) deleteRun(ctx context.Context, tx querier, t *mapping.Table, b *braking) (brake.Run, error) {
	run := brake.Run{
		Mapping: t.Mapping.ID, Direction: brake.Write, Limits: brake.LimitsOf(w.cfg.Connection.Options),
		Reason: "rows were deleted in the database",
	}
	err := tx.QueryRow(ctx, fmt.Sprintf(`
		SELECT count(*), coalesce((array_agg(sfid ORDER BY id))[1:20], '{}') FROM %s
		WHERE state = 'NEW' AND table_name = $1 AND action = 'DELETE' AND sfid IS NOT NULL`, w.liveLog()), t.Name).
		Scan(&run.Deletes, &run.Sample)
	if err != nil {
		return run, fmt.Errorf("count waiting deletes: %w", err)
	}
	if run.Deletes > 0 {
		run.Deletes += b.recent(time.Now())
	}
	if run.Deletes <= int64(run.Limits.Rows) {
		return run, nil // the size of the table does not matter
	}
	var rows int64
	err = tx.QueryRow(ctx, fmt.Sprintf(`SELECT CASE WHEN c.reltuples > 100000 THEN c.reltuples::bigint ELSE (SELECT count(*) FROM %s) END
		FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass`, w.tableName(t)), w.tableName(t)).Scan(&rows)
	if err != nil {
		return run, fmt.Errorf("count rows of %s: %w", t.Name, err)
	}
	run.Of = rows + run.Deletes
	return run, nil
}

func (b *braking) recent(now time.Time) int64 {
	var n int64
	keep := b.sent[:0]
	for _, s := range b.sent {
		if now.Sub(s.at) < deleteRun {
			keep, n = append(keep, s), n+s.n
		}
	}
	b.sent = keep
	return n
}

// takeBack ends the deletes that a person does not want: the records stay, and
// their rows return with the next read. All of them, in the transaction that
// uses the decision up.
func (w *Writer) takeBack(ctx context.Context, tx *target.Tx, t *mapping.Table, h brake.Hold) error {
	rows, err := tx.Query(ctx, `UPDATE `+w.liveLog()+` SET state = 'IGNORED', processed_at = now(), updated_at = now(),
			sf_message = 'a person took the held deletes back: the row returns with the next read'
		WHERE state = 'NEW' AND table_name = $1 AND action = 'DELETE' AND sfid IS NOT NULL AND created_at <= $2
		RETURNING sfid`, t.Name, h.DecidedAt)
	if err != nil {
		return fmt.Errorf("take deletes back: %w", err)
	}
	sfids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("take deletes back: %w", err)
	}
	slices.Sort(sfids)
	sfids = slices.Compact(sfids)
	reasons := make([]string, len(sfids))
	for i := range reasons {
		reasons[i] = "its delete was taken back"
	}
	if err := apply.Defer(ctx, tx, w.cfg.Connection.ID, t.Mapping.ID, sfids, reasons); err != nil {
		return err
	}
	return w.brakes().Spend(ctx, tx, h.ID)
}

// noteDeletes remembers what a claim sends, so that deletes that come one by one
// count as one run.
func (w *Writer) noteDeletes(sets []*plan.ChangeSet) {
	for _, s := range sets {
		if b := w.braking[s.Table.Name]; b != nil && s.Op == "delete" {
			b.sent = append(b.sent, sentDeletes{at: time.Now(), n: int64(len(s.Items))})
		}
	}
}

// noteAccess stores what each mapping is, and learns since when those are
// read-only that were read-write before; once for each writer, which is made
// anew when a mapping changes.
func (w *Writer) noteAccess(ctx context.Context, tx querier) error {
	if w.readOnlySince != nil {
		return nil
	}
	var ids, access []string
	names := map[string]string{}
	for _, t := range w.cfg.Tables {
		ids, access = append(ids, t.Mapping.ID.String()), append(access, string(t.Access))
		names[t.Mapping.ID.String()] = t.Name
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO _syncline.access AS a (connection_id, mapping, access)
		SELECT $1, m.id::uuid, m.access FROM unnest($2::text[], $3::text[]) AS m(id, access)
		ON CONFLICT (connection_id, mapping) DO UPDATE SET access = excluded.access, read_only_since = CASE
			WHEN excluded.access = $4 THEN NULL WHEN a.access = $4 THEN clock_timestamp() ELSE a.read_only_since END
		RETURNING mapping::text, read_only_since`, w.cfg.Connection.ID, ids, access, string(mapping.ReadWrite))
	if err != nil {
		return fmt.Errorf("note the access of mappings: %w", err)
	}
	since := map[string]time.Time{}
	var (
		id string
		at *time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		if at != nil {
			since[names[id]] = *at
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note the access of mappings: %w", err)
	}
	w.readOnlySince = since
	return nil
}

func (w *Writer) brakes() *brake.Brake { return brake.Of(w.cfg.Connection.ID) }

func (w *Writer) liveLog() string {
	return pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()
}
