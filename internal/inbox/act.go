package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Skip is an entry that an action left as it is.
type Skip struct {
	ID  int32
	Why string
}

// Outcome is what an action did.
type Outcome struct {
	// Chosen entries were looked at, Done ones changed. Also counts further
	// entries of the same rows that had to go along: an insert with the changes
	// that failed for want of it.
	Chosen, Done, Also int
	// Skipped are those chosen that had changed meanwhile, or can't be acted on
	// so. The first thousand are told.
	Skipped []Skip
	// More says that the filter has more entries; they come after Next.
	More bool
	Next Span
}

const maxSkipped = 1000

func (o *Outcome) skip(id int32, format string, args ...any) {
	if len(o.Skipped) < maxSkipped {
		o.Skipped = append(o.Skipped, Skip{ID: id, Why: fmt.Sprintf(format, args...)})
	}
}

// Progress hears how many of an action's entries are through.
type Progress func(done, of int)

// work is one action on one chunk of entries, in one transaction.
type work func(ctx context.Context, tx *target.Tx, entries []Entry, o *Outcome) error

// act runs an action over all that a filter chooses, chunk by chunk. What was
// done before an error stays done, and the outcome tells of it.
func (in *Inbox) act(ctx context.Context, f Filter, s Span, progress Progress, run work) (Outcome, error) {
	c, err := in.choose(ctx, f, s)
	o := Outcome{Next: c.next, More: c.more}
	if err != nil {
		return o, err
	}
	done := 0
	for ids := range slices.Chunk(c.ids, chunk) {
		if err := in.chunk(ctx, ids, &o, run); err != nil {
			return o, err
		}
		if done += len(ids); progress != nil {
			progress(done, len(c.ids))
		}
	}
	return o, nil
}

// attempts is how often a chunk is tried that met a deadlock or a lock.
const attempts = 3

func (in *Inbox) chunk(ctx context.Context, ids []int32, o *Outcome, run work) error {
	var err error
	for range attempts {
		part := Outcome{Chosen: len(ids)}
		err = in.write(ctx, func(ctx context.Context, tx *target.Tx) error {
			entries, err := in.fetch(ctx, tx, ids, " FOR NO KEY UPDATE")
			if err != nil {
				return err
			}
			for _, id := range missing(ids, entries) {
				part.skip(id, "there is no such entry in the log or its archive")
			}
			return run(ctx, tx, entries, &part)
		})
		if err == nil {
			o.Chosen, o.Done, o.Also = o.Chosen+part.Chosen, o.Done+part.Done, o.Also+part.Also
			o.Skipped = append(o.Skipped, part.Skipped[:min(len(part.Skipped), maxSkipped-len(o.Skipped))]...)
			return nil
		}
		if target.Classify(err) != target.Retry {
			return err
		}
	}
	return err
}

// write is a transaction as a person's own: it needs no fence, since no turn
// owns what it changes. The session is one of Syncline's: nothing is captured.
func (in *Inbox) write(ctx context.Context, fn func(context.Context, *target.Tx) error) error {
	return in.db.Plain(ctx, target.Limits{Statement: statementLimit}, func(ctx context.Context, tx pgx.Tx) error {
		return fn(ctx, &target.Tx{Tx: tx})
	})
}

func missing(ids []int32, entries []Entry) []int32 {
	have := map[int32]bool{}
	for _, e := range entries {
		have[e.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return have[id] })
}

// actionable says why an entry can't be acted on; "" if it can: it failed, and
// nothing has become of it but that it was ignored.
func (e Entry) actionable() string {
	switch e.State {
	case triggerlog.Failed:
		return ""
	case triggerlog.Ignored:
		if e.Result == 1 {
			return ""
		}
		return "nothing was to be sent of it"
	case triggerlog.New:
		return "it waits to be sent already"
	case triggerlog.Pending:
		return "its call is on the way, or its outcome is not known: see syncline errors show"
	case triggerlog.Success:
		return "Salesforce has accepted it meanwhile"
	case triggerlog.Merged:
		return "a later change of the row has taken it along"
	case triggerlog.Requeue, triggerlog.Requeued:
		return "another entry has taken its place already"
	case triggerlog.Ignore, triggerlog.ReadOnly:
	}
	return "its state is " + string(e.State) + ": it was not to be sent"
}

// setState moves entries that are locked to a state, wherever they are. What ends
// so is settled now: the archive keeps it for its month from here.
func (in *Inbox) setState(ctx context.Context, tx pgx.Tx, entries []Entry, state triggerlog.State) error {
	var live, archived []int32
	for _, e := range entries {
		if e.Archived {
			archived = append(archived, e.ID)
		} else {
			live = append(live, e.ID)
		}
	}
	for _, part := range []struct {
		table string
		ids   []int32
	}{{in.live, live}, {in.archive, archived}} {
		if len(part.ids) == 0 {
			continue
		}
		_, err := tx.Exec(ctx, `UPDATE `+part.table+` SET state = $2::text, updated_at = now(),
			processed_at = CASE WHEN $2::text IN ('IGNORED', 'REQUEUED') THEN now() ELSE processed_at END
			WHERE id = ANY($1::int[])`, part.ids, string(state))
		if err != nil {
			return fmt.Errorf("set log entries to %s: %w", state, err)
		}
	}
	return nil
}

// Ignore ends failed entries as IGNORED: the row keeps its values, Salesforce
// its own. With takeTheirs the records are read again, so that the rows take
// Salesforce's values.
func (in *Inbox) Ignore(ctx context.Context, f Filter, s Span, takeTheirs bool, progress Progress) (Outcome, error) {
	o, err := in.act(ctx, f, s, progress, func(ctx context.Context, tx *target.Tx, entries []Entry, o *Outcome) error {
		var good []Entry
		for _, e := range entries {
			switch why := e.actionable(); {
			case why != "":
				o.skip(e.ID, "%s", why)
			case e.State == triggerlog.Ignored && !takeTheirs:
				o.skip(e.ID, "it is ignored already")
			default:
				good = append(good, e)
			}
		}
		o.Done += len(good)
		if err := in.setState(ctx, tx, good, triggerlog.Ignored); err != nil || !takeTheirs {
			return err
		}
		return in.reread(ctx, tx, good)
	})
	if err != nil {
		return o, fmt.Errorf("ignore failures: %w", err)
	}
	return o, nil
}

// reread lets the reader fetch the records of entries.
func (in *Inbox) reread(ctx context.Context, tx *target.Tx, entries []Entry) error {
	byTable := map[string][]int32{}
	sfids := map[string][]string{}
	for _, e := range entries {
		if _, mapped := in.tables[e.Table]; !mapped {
			continue
		}
		if e.Sfid != "" {
			sfids[e.Table] = append(sfids[e.Table], e.Sfid)
		} else if e.RecordID != 0 {
			byTable[e.Table] = append(byTable[e.Table], e.RecordID)
		}
	}
	for table, ids := range byTable {
		rows, err := tx.Query(ctx, `SELECT sfid FROM `+in.name(table)+` WHERE id = ANY($1::int[]) AND sfid IS NOT NULL`, ids)
		if err != nil {
			return fmt.Errorf("read the Ids of rows: %w", err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("read the Ids of rows: %w", err)
		}
		sfids[table] = append(sfids[table], list...)
	}
	for table, list := range sfids {
		slices.Sort(list)
		list = slices.Compact(list)
		reasons := slices.Repeat([]string{"a failed change was given up"}, len(list))
		if err := apply.Defer(ctx, tx, in.conn.ID, in.tables[table].ID, list, reasons); err != nil {
			return err
		}
	}
	return nil
}

// columnsOf are the columns that an entry sets; of an INSERT those that are not
// NULL. An entry that can't be read sets none.
func columnsOf(e triggerlog.Entry) map[string]bool {
	out := map[string]bool{}
	if e.Values == nil {
		return out
	}
	pairs, _ := hstoretext.Parse(*e.Values)
	for _, p := range pairs {
		if e.Action != triggerlog.Insert || !p.Null {
			out[p.Key] = true
		}
	}
	return out
}

func byID(a, b Entry) int { return cmp.Compare(a.ID, b.ID) }
