package writer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// searchMargin is how much earlier than the claim a record may seem to have
// been created: clocks differ, and Salesforce's tell whole seconds.
const searchMargin = time.Minute

// askEvery is how often an outcome is looked at that a person has to decide.
const askEvery = 10 * time.Minute

// lostInsert is an insert whose outcome is not known.
type lostInsert struct {
	call   *call
	intent outbox.Intent
	// fields are the values that were sent, by field path.
	fields map[string]record.Value
	final  bool // it can't arrive any more
}

// found is a record that our user created since, and that belongs to nobody.
type found struct {
	sfid   string
	values map[string]any
}

// search looks for inserts without a unique identifier, all of one table. What
// is found is accepted. Not to be found means that it never arrived only when
// it can't arrive any more; then the entry is NEW again.
func (w *Writer) search(ctx context.Context, fence target.Fence, calls []*call, o open, p *Progress) error {
	t := calls[0].table
	if t == nil {
		w.later(askEvery)
		return nil
	}
	lost, oldest := w.lostOf(t, calls, o.now)
	if err := w.markUnknown(ctx, fence, lost); err != nil {
		return err
	}
	records, err := w.find(ctx, t, lost, o.now.Sub(oldest))
	if err != nil && hopeless(ctx, err) {
		w.out.WarnContext(ctx, "lost inserts can't be looked for; a person has to decide", "object", t.Object, "error", err)
		w.later(askEvery)
		return nil
	}
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(f found) bool { return o.taken[f.sfid] })
	arrived, never, unclear := match(t, lost, records)
	for _, c := range calls {
		if err := w.arrived(ctx, fence, c, arrived, p); err != nil {
			return err
		}
	}
	if len(never) > 0 && w.complete(ctx, t, o.now.Sub(newest(never))) {
		if err := w.undo(ctx, fence, never); err != nil {
			return err
		}
	}
	switch {
	case len(unclear) > 0:
		w.out.WarnContext(ctx, "outcome of inserts unknown: records were created that are not exactly what was sent; a person has to decide",
			"object", t.Object, "entries", unclear)
		w.later(askEvery)
	default:
		// Those that may still come, or of which that is not certain yet.
		w.later(w.set.ProbeEvery)
	}
	return nil
}

// hopeless says that asking again soon brings the same error, and that it is
// one of this search alone: other work goes on.
func hopeless(ctx context.Context, err error) bool {
	switch salesforce.ClassOf(err) {
	case salesforce.AskPerson, salesforce.Redescribe:
		return true
	case salesforce.RetrySoon, salesforce.RetryLater, salesforce.Reauthorize:
		return false
	}
	return ctx.Err() == nil && target.Classify(err) == target.Other
}

func (w *Writer) lostOf(t *mapping.Table, calls []*call, now time.Time) (lost []lostInsert, oldest time.Time) {
	oldest = now
	for _, c := range calls {
		for _, i := range c.intents {
			if i.ClaimedAt.Before(oldest) {
				oldest = i.ClaimedAt
			}
			lost = append(lost, lostInsert{
				call: c, intent: i, fields: sentFields(t, i.Body), final: now.Sub(i.ClaimedAt) > w.set.ProbeFinal,
			})
		}
	}
	return lost, oldest
}

func (w *Writer) markUnknown(ctx context.Context, fence target.Fence, lost []lostInsert) error {
	var ids []int64
	for _, l := range lost {
		if l.intent.State == outbox.Open {
			ids = append(ids, l.intent.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return w.box.MarkUnknown(ctx, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("mark inserts as unknown: %w", err)
	}
	return nil
}

// sentFields reads the values of a body, by field path.
func sentFields(t *mapping.Table, body string) map[string]record.Value {
	var all map[string]any
	if json.Unmarshal([]byte(body), &all) != nil {
		return nil
	}
	out := map[string]record.Value{}
	for _, c := range t.Columns {
		if v, ok := dig(all, c.Path()); ok {
			out[c.Path()] = valueOf(c.Type, v)
		}
	}
	return out
}

func dig(values map[string]any, path string) (any, bool) {
	top, rest, nested := strings.Cut(path, ".")
	v, ok := values[top]
	if !ok || !nested {
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, v == nil && ok
	}
	return dig(inner, rest)
}

// valueOf reads a JSON value; one that is not of the type is NULL, which equals
// nothing that was sent.
func valueOf(t record.Type, v any) record.Value {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case bool:
		s = strconv.FormatBool(v)
	case float64:
		s = strconv.FormatFloat(v, 'g', -1, 64)
	}
	out, err := t.ParseText(s)
	if err != nil {
		return nil
	}
	return out
}

// find reads the records that our user has created since the oldest claim and
// that no row and no accepted intent stands for. Age is that of the claim by
// the target's clock; the org's own clock says when that was there.
func (w *Writer) find(ctx context.Context, t *mapping.Table, lost []lostInsert, age time.Duration) ([]found, error) {
	paths := []string{"Id"}
	for _, c := range t.Columns {
		sent := slices.ContainsFunc(lost, func(l lostInsert) bool { _, ok := l.fields[c.Path()]; return ok })
		if sent && c.Path() != "Id" {
			paths = append(paths, c.Path())
		}
	}
	var rows []map[string]any
	for range 2 { // the first reply tells the org's clock
		skew := w.cfg.Org.Skew()
		since := time.Now().Add(skew).Add(-age - searchMargin)
		soql := fmt.Sprintf("SELECT %s FROM %s WHERE CreatedById = '%s' AND CreatedDate >= %s ORDER BY Id",
			strings.Join(paths, ", "), t.Object, soqlText(w.cfg.Connection.Org.UserID), since.UTC().Format("2006-01-02T15:04:05Z"))
		var err error
		if rows, err = w.cfg.Org.QueryMaps(ctx, soql, true); err != nil {
			return nil, fmt.Errorf("look for lost inserts of %s: %w", t.Object, err)
		}
		if (w.cfg.Org.Skew() - skew).Abs() < searchMargin/2 {
			break
		}
	}
	out := make([]found, 0, len(rows))
	for _, r := range rows {
		raw, _ := r["Id"].(string)
		if id, err := record.ID18(raw); err == nil {
			out = append(out, found{sfid: id, values: r})
		}
	}
	return w.unowned(ctx, t, out)
}

func soqlText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s)
}

// unowned leaves out records that are known to come from something else.
func (w *Writer) unowned(ctx context.Context, t *mapping.Table, list []found) ([]found, error) {
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.sfid
	}
	owned := map[string]bool{}
	err := w.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(`
			SELECT sfid FROM %s WHERE sfid = ANY($1::text[])
			UNION ALL
			SELECT sfid FROM _syncline.intent WHERE connection_id = $2 AND state = 'settled' AND sfid = ANY($1::text[])`,
			w.tableName(t)), ids, w.cfg.Connection.ID)
		if err != nil {
			return err
		}
		var id string
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error { owned[id] = true; return nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up rows of found records: %w", err)
	}
	return slices.DeleteFunc(list, func(f found) bool { return owned[f.sfid] }), nil
}

func newest(intents []outbox.Intent) time.Time {
	return slices.MaxFunc(intents, func(a, b outbox.Intent) int { return a.ClaimedAt.Compare(b.ClaimedAt) }).ClaimedAt
}

// complete says whether every transaction that may hold a lost insert has
// ended: Salesforce's own word beside the passing of time.
func (w *Writer) complete(ctx context.Context, t *mapping.Table, age time.Duration) bool {
	if t.Describe == nil || !t.Describe.Replicateable {
		return true
	}
	now := time.Now().Add(w.cfg.Org.Skew())
	claimed := now.Add(-age)
	u, err := w.cfg.Org.Updated(ctx, t.Object, claimed.Add(-searchMargin), now)
	if err != nil {
		w.out.WarnContext(ctx, "can't tell whether a lost insert may still arrive", "object", t.Object, "error", err)
		return false
	}
	return u.LatestDateCovered.After(claimed.Add(outbox.SendWithin))
}

// arrived stores what was found of one call.
func (w *Writer) arrived(ctx context.Context, fence target.Fence, c *call, sfids map[int64]string, p *Progress) error {
	part := c.part()
	var answers []JournalResult
	for _, i := range c.intents {
		if sfid, ok := sfids[i.ID]; ok {
			part.intents = append(part.intents, i)
			answers = append(answers, JournalResult{Position: i.Position, Sfid: sfid, Success: true, Created: true})
		}
	}
	if len(part.intents) == 0 {
		return nil
	}
	o, err := w.answered(ctx, fence, part, answers)
	p.add(o)
	return err
}
