package apply

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// matches is what the database knows of the records of a batch.
type matches struct {
	// rows are the locked rows, by position in the batch.
	rows map[int]row
	// busy are positions whose row the application holds.
	busy map[int]bool
	// entries and intents concern the batch's rows and sfids; bases by row.
	byRecord map[int32][]triggerlog.Entry
	bySfid   map[string][]triggerlog.Entry
	intents  touching
	bases    map[int32]map[string]outbox.Base
	// current holds whole rows, in layout order, for rows with local changes.
	current map[int32][]record.Value
	// last is the newest position of each sfid: a batch may hold one twice.
	last   map[string]int
	allNew bool
}

// row is a locked row; sfid is "" as long as it has none.
type row struct {
	id   int32
	sfid string
}

type touching struct {
	byRecord   map[int32]outbox.Intent
	bySfid     map[string]outbox.Intent
	byExternal map[string]outbox.Intent
	// blind are creates without an external ID whose record is not known yet.
	blind []outbox.Intent
}

func (a *Applier) match(ctx context.Context, tx *target.Tx, b *record.Batch) (m *matches, err error) {
	err = a.byIndex(ctx, tx, b, func() error {
		m, err = a.matchRows(ctx, tx, b)
		return err
	})
	return m, err
}

func (a *Applier) matchRows(ctx context.Context, tx *target.Tx, b *record.Batch) (*matches, error) {
	m := &matches{rows: map[int]row{}, busy: map[int]bool{}, last: make(map[string]int, b.Len())}
	sfids, externals := a.keys(b, m)
	if err := a.lockRows(ctx, tx, m, sfids, externals, b); err != nil {
		return nil, err
	}
	ids := make([]int32, 0, len(m.rows))
	for _, r := range m.rows {
		ids = append(ids, r.id)
	}
	entries, err := a.log.Unsettled(ctx, tx, a.table.Name, ids, sfids)
	if err != nil {
		return nil, err
	}
	intents, err := a.box.Touching(ctx, tx, a.table.Name, ids, sfids, externals, b.Asked)
	if err != nil {
		return nil, err
	}
	m.index(entries, intents)
	m.allNew = len(m.rows) == 0 && len(m.busy) == 0 && len(entries) == 0 && len(intents) == 0 &&
		b.Len() >= a.copyFrom && len(m.last) == b.Len() && !a.anyDeleted(b)
	return m, a.readChanged(ctx, tx, m)
}

// keys collects the sfids and the values of the unique identifier, and notes
// the newest position of each sfid.
func (a *Applier) keys(b *record.Batch, m *matches) (sfids, externals []string) {
	l := a.table.Layout
	for i := range b.Len() {
		sfid := b.Value(i, l.ID).String()
		m.last[sfid] = i
		sfids = append(sfids, sfid)
		if external := a.external(b, i); external != "" {
			externals = append(externals, external)
		}
	}
	return sfids, externals
}

// external is the unique identifier of record i as text. It is "" for a
// deleted record: its identifier is free, and a row that bears it without an
// sfid is another record to be.
func (a *Applier) external(b *record.Batch, i int) string {
	if a.table.Upsert < 0 || a.deleted(b, i) {
		return ""
	}
	v := b.Value(i, a.table.Upsert)
	if v == nil {
		return ""
	}
	return string(a.table.Columns[a.table.Upsert].Type.AppendText(nil, v))
}

func (a *Applier) deleted(b *record.Batch, i int) bool {
	d := a.table.Layout.Deleted
	return d >= 0 && b.Value(i, d).Bool()
}

func (a *Applier) anyDeleted(b *record.Batch) bool {
	if a.table.Layout.Deleted < 0 {
		return false
	}
	for i := range b.Len() {
		if a.deleted(b, i) {
			return true
		}
	}
	return false
}

// lockRows finds the rows of the batch and locks them. What the application
// holds is skipped by the lock and found by the second statement: such records
// wait, they are not new.
func (a *Applier) lockRows(ctx context.Context, tx *target.Tx, m *matches, sfids, externals []string, b *record.Batch) error {
	place := newPlaces(a, b, m)
	err := a.eachMatch(ctx, tx, a.sql.lock, sfids, externals, func(id int32, sfid, external string) {
		if i, ok := place.of(sfid, external); ok {
			m.rows[i] = row{id: id, sfid: sfid}
			place.take(i, sfid != "")
		}
	})
	if err != nil {
		return fmt.Errorf("lock rows of %s: %w", a.table.Name, err)
	}
	sfids, externals = place.left()
	if len(sfids) == 0 {
		return nil
	}
	err = a.eachMatch(ctx, tx, a.sql.find, sfids, externals, func(_ int32, sfid, external string) {
		if i, ok := place.of(sfid, external); ok {
			m.busy[i] = true
		}
	})
	if err != nil {
		return fmt.Errorf("find rows of %s that the application holds: %w", a.table.Name, err)
	}
	return nil
}

func (a *Applier) eachMatch(ctx context.Context, tx *target.Tx, sql string, sfids, externals []string,
	fn func(id int32, sfid, external string),
) error {
	args := []any{sfids}
	if a.table.Upsert >= 0 {
		if externals == nil {
			externals = []string{}
		}
		args = append(args, externals)
	}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var (
		id             int32
		sfid, external string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &sfid, &external}, func() error {
		fn(id, sfid, external)
		return nil
	})
	return err
}

// readChanged reads bases and whole rows for those with unsettled changes.
func (a *Applier) readChanged(ctx context.Context, tx *target.Tx, m *matches) error {
	var ids []int32
	for _, r := range m.rows {
		if len(m.byRecord[r.id]) > 0 {
			ids = append(ids, r.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	bases, err := a.box.Bases(ctx, tx, a.table.Name, ids)
	if err != nil {
		return err
	}
	m.bases = map[int32]map[string]outbox.Base{}
	for _, base := range bases {
		if m.bases[base.RecordID] == nil {
			m.bases[base.RecordID] = map[string]outbox.Base{}
		}
		m.bases[base.RecordID][base.Column] = base
	}
	m.current, err = a.readRows(ctx, tx, ids)
	return err
}

// readRows reads whole rows in layout order and in binary form.
func (a *Applier) readRows(ctx context.Context, tx *target.Tx, ids []int32) (map[int32][]record.Value, error) {
	array := arrayHeader(len(ids), int4OID)
	for _, id := range ids {
		array = appendField(array, record.IntValue(id))
	}
	// pgx has no binary results in the mode that poolers need.
	rows := tx.Conn().PgConn().ExecParams(ctx, a.sql.read, [][]byte{array}, []uint32{int4ArrayOID}, []int16{1}, []int16{1})
	out := make(map[int32][]record.Value, len(ids))
	for rows.NextRow() {
		raw := rows.Values()
		values := make([]record.Value, len(raw)-1)
		for i, v := range raw[1:] {
			if v != nil {
				values[i] = append(record.Value{}, v...)
			}
		}
		out[record.Value(raw[0]).Int()] = values
	}
	if _, err := rows.Close(); err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", a.table.Name, err)
	}
	return out, nil
}

func (m *matches) index(entries []triggerlog.Entry, intents []outbox.Intent) {
	m.byRecord, m.bySfid = map[int32][]triggerlog.Entry{}, map[string][]triggerlog.Entry{}
	for _, e := range entries {
		m.byRecord[e.RecordID] = append(m.byRecord[e.RecordID], e)
		if e.Sfid != "" {
			m.bySfid[e.Sfid] = append(m.bySfid[e.Sfid], e)
		}
	}
	m.intents = touching{
		byRecord: map[int32]outbox.Intent{}, bySfid: map[string]outbox.Intent{}, byExternal: map[string]outbox.Intent{},
	}
	for _, i := range intents {
		m.intents.add(i)
	}
}

// add keeps, of several intents on one record, one that is not settled.
func (t *touching) add(i outbox.Intent) {
	if i.RecordID != 0 {
		if old, ok := t.byRecord[i.RecordID]; !ok || old.State == outbox.Settled {
			t.byRecord[i.RecordID] = i
		}
	}
	if i.Sfid != "" {
		if old, ok := t.bySfid[i.Sfid]; !ok || old.State == outbox.Settled {
			t.bySfid[i.Sfid] = i
		}
	}
	if i.ExternalID != "" {
		if old, ok := t.byExternal[i.ExternalID]; !ok || old.State == outbox.Settled {
			t.byExternal[i.ExternalID] = i
		}
	}
	if i.Op == outbox.Insert && i.State != outbox.Settled && i.ExternalID == "" {
		t.blind = append(t.blind, i)
	}
}

// of finds the intent that concerns a record, by its row, sfid or external ID.
func (t *touching) of(id int32, sfid, external string) (outbox.Intent, bool) {
	if i, ok := t.byRecord[id]; ok && id != 0 {
		return i, true
	}
	if i, ok := t.bySfid[sfid]; ok {
		return i, true
	}
	if i, ok := t.byExternal[external]; ok && external != "" {
		return i, true
	}
	return outbox.Intent{}, false
}
