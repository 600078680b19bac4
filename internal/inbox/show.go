package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Answer is what Salesforce, or Syncline, said to a change.
type Answer struct {
	Code    string
	Message string
	Fields  []string
	LogID   int32
	Time    time.Time
	// Attempt counts from 1; 0 if it is not known.
	Attempt int
}

// Detail is all that is known of one entry.
type Detail struct {
	Entry  Entry
	Object string
	// Group is the key of the group that it belongs to; "" if it did not fail.
	Group  string
	Advice Advice
	// Row is the row as it is now, in text form; nil if it is gone.
	Row Values
	// Sent are the values of the entry; Former those that the row had before it.
	Sent, Former Values
	Answer       Answer
	// Unknown is set while it is not known whether the change arrived.
	Unknown *Lost
	// History of the record, newest first, at most [HistoryLimit].
	History []Happening
}

// HistoryLimit is how much of a record's history comes with an entry.
const HistoryLimit = 50

// Happening is one thing that became of a record: a change that was captured,
// or a conflict.
type Happening struct {
	At time.Time
	// Entry is set for a change, Conflict for a conflict.
	Entry    *Entry
	Conflict *Conflict
}

func (h Happening) logID() int32 {
	if h.Entry != nil {
		return h.Entry.ID
	}
	return h.Conflict.LogID
}

// Conflict is a column that both sides had changed.
type Conflict struct {
	Column             string
	Base, Ours, Theirs *string
	Winner, Policy     string
	LogID              int32
}

// Show tells all that is known of a log entry, live or archived.
func (in *Inbox) Show(ctx context.Context, logID int32) (*Detail, error) {
	d := &Detail{}
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		list, err := in.fetch(ctx, tx, []int32{logID}, "")
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return &Refusal{
				What: fmt.Sprintf("There is no log entry %d: the archive keeps them for a month.", logID),
				Fix:  "List those that failed: syncline errors list", Missing: true,
			}
		}
		return in.fill(ctx, tx, d, list[0])
	})
	if err != nil {
		return nil, fmt.Errorf("show log entry %d: %w", logID, err)
	}
	return d, nil
}

func (in *Inbox) fill(ctx context.Context, tx pgx.Tx, d *Detail, e Entry) error {
	d.Entry, d.Object = e, in.object(e.Table)
	d.Sent, d.Former = valuesOf(e.Values), valuesOf(e.Old)
	d.Answer = Answer{Code: e.Cause.Code, Message: e.Cause.Message, Fields: e.Cause.Fields, LogID: e.ID, Time: e.FailedAt}
	if e.State == triggerlog.Failed {
		d.Group, d.Advice = refusedKey(e.Table, string(e.Action), e.Cause), adviceOf(e.Cause)
	} else if e.Message == "" {
		d.Answer = Answer{}
	}
	var err error
	if d.Row, err = in.rowOf(ctx, tx, e.Table, e.RecordID); err != nil {
		return err
	}
	d.readErr()
	l, unknown, err := in.lostOf(ctx, tx, e.ID)
	if err != nil {
		return err
	}
	if unknown {
		d.Unknown, d.Advice = &l, AdviceFor(CodeUnknown)
	}
	d.History, err = in.history(ctx, tx, e.Table, e.RecordID, sfidOf(d), HistoryLimit)
	return err
}

func sfidOf(d *Detail) string {
	if s := d.Row["sfid"]; s != nil {
		return *s
	}
	return d.Entry.Sfid
}

// readErr takes the answer from the row's _hc_err, which tells more, if it is
// about this entry.
func (d *Detail) readErr() {
	text := d.Row["_hc_err"]
	if text == nil {
		return
	}
	var a struct {
		Code    string    `json:"code"`
		Message string    `json:"message"`
		Fields  []string  `json:"fields"`
		LogID   int32     `json:"log_id"`
		Time    time.Time `json:"time"`
		Attempt int       `json:"attempt"`
	}
	if json.Unmarshal([]byte(*text), &a) == nil && a.LogID == d.Entry.ID && d.Entry.State == triggerlog.Failed {
		d.Answer = Answer(a)
	}
}

// rowOf reads a row as text; nil if it is gone or its table is not mapped.
func (in *Inbox) rowOf(ctx context.Context, tx pgx.Tx, table string, id int32) (Values, error) {
	if id == 0 || in.object(table) == "" {
		return nil, nil
	}
	hstore, err := in.hstore(ctx, tx)
	if err != nil {
		return nil, err
	}
	var text string
	err = tx.QueryRow(ctx, `SELECT `+hstore+`.hstore(t)::text FROM (SELECT * FROM `+in.name(table)+` WHERE id = $1) t`, id).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the row: %w", err)
	}
	return valuesOf(&text), nil
}

func valuesOf(text *string) Values {
	if text == nil {
		return nil
	}
	pairs, err := hstoretext.Parse(*text)
	if err != nil {
		return nil
	}
	out := Values{}
	for _, p := range pairs {
		out[p.Key] = nil
		if !p.Null {
			out[p.Key] = &p.Value
		}
	}
	return out
}

// History tells what became of a record, newest first: by its row's id or by
// the record's Id, of 15 or 18 characters.
func (in *Inbox) History(ctx context.Context, table string, rowID int32, id string, limit int) ([]Happening, error) {
	sfid := ""
	if id != "" {
		var err error
		if sfid, err = record.ID18(id); err != nil {
			return nil, &Refusal{What: fmt.Sprintf("%q is neither the id of a row nor an Id of Salesforce.", id),
				Fix: "Give the column id of the row, or the 15 or 18 characters of the record's Id."}
		}
	}
	var out []Happening
	err := in.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if rowID == 0 {
			err := tx.QueryRow(ctx, `SELECT coalesce((SELECT id FROM `+in.name(table)+` WHERE sfid = $1), 0)`, sfid).Scan(&rowID)
			if err != nil {
				return fmt.Errorf("find the row of %s: %w", sfid, err)
			}
		}
		var err error
		out, err = in.history(ctx, tx, table, rowID, sfid, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the history of a record: %w", err)
	}
	return out, nil
}

func (in *Inbox) history(ctx context.Context, tx pgx.Tx, table string, rowID int32, sfid string, limit int) ([]Happening, error) {
	var out []Happening
	for i, from := range []string{in.live, in.archive} {
		rows, err := tx.Query(ctx, `SELECT `+entryColumns+` FROM `+from+` WHERE table_name = $1
			AND (record_id = nullif($2::int, 0) OR sfid = nullif($3::text, '')) ORDER BY id DESC LIMIT $4`, table, rowID, sfid, limit)
		if err != nil {
			return nil, fmt.Errorf("read the record's changes: %w", err)
		}
		list, err := collectEntries(rows, i == 1)
		if err != nil {
			return nil, fmt.Errorf("read the record's changes: %w", err)
		}
		for _, e := range list {
			out = append(out, Happening{At: e.CreatedAt, Entry: &e})
		}
	}
	conflicts, err := in.conflicts(ctx, tx, table, rowID, sfid, limit)
	if err != nil {
		return nil, err
	}
	out = append(out, conflicts...)
	slices.SortStableFunc(out, func(a, b Happening) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.logID(), a.logID()))
	})
	return out[:min(len(out), limit)], nil
}

func (in *Inbox) conflicts(ctx context.Context, tx pgx.Tx, table string, rowID int32, sfid string, limit int) ([]Happening, error) {
	rows, err := tx.Query(ctx, `SELECT at, column_name, base, ours, theirs, winner, policy, coalesce(log_id, 0)
		FROM _syncline.conflict WHERE connection_id = $1 AND mapping = $2 AND table_name = $3
		AND (record_id = nullif($4::int, 0) OR sfid = nullif($5::text, '')) ORDER BY id DESC LIMIT $6`,
		in.conn.ID, in.tables[table].ID, table, rowID, sfid, limit)
	if err != nil {
		return nil, fmt.Errorf("read the record's conflicts: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Happening, error) {
		h := Happening{Conflict: &Conflict{}}
		c := h.Conflict
		err := row.Scan(&h.At, &c.Column, &c.Base, &c.Ours, &c.Theirs, &c.Winner, &c.Policy, &c.LogID)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the record's conflicts: %w", err)
	}
	return list, nil
}
