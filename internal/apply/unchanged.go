package apply

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// differing returns what of a large batch is left to apply: a record whose row
// is equal already, and has no change of ours or of the application's on its
// way, needs no lock and no write. On a reload that is nearly all of them.
//
// The rows are read before the log is: an edit that is committed in between is
// found there, and one that is committed later is captured with the value that
// the record has.
func (a *Applier) differing(ctx context.Context, tx *target.Tx, b *record.Batch) (*record.Batch, error) {
	if b.Len() < a.copyFrom {
		return b, nil
	}
	place := make(map[string]int, b.Len())
	sfids := make([]string, b.Len())
	for i := range b.Len() {
		sfids[i] = b.Value(i, a.table.Layout.ID).String()
		place[sfids[i]] = i
	}
	if len(place) < b.Len() {
		return b, nil // two versions of one record
	}
	var same map[int]int32
	err := a.byIndex(ctx, tx, b, func() (err error) {
		same, err = a.equalRows(ctx, tx, b, place, sfids)
		return err
	})
	if err != nil || len(same) == 0 {
		return b, err
	}
	return a.settle(ctx, tx, b, same, sfids)
}

// byIndex runs queries that look for rows of a large batch. The planner takes
// thousands of keys for a reason to read a middling table from end to end, batch
// after batch; an index is better whatever the table's size.
func (a *Applier) byIndex(ctx context.Context, tx *target.Tx, b *record.Batch, find func() error) error {
	if b.Len() < a.copyFrom {
		return find()
	}
	if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
		return fmt.Errorf("have rows found by index: %w", err)
	}
	if err := find(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan TO DEFAULT"); err != nil {
		return fmt.Errorf("let the planner choose again: %w", err)
	}
	return nil
}

// equalRows finds the records whose row is equal, and gives the row's id by the
// record's place.
func (a *Applier) equalRows(ctx context.Context, tx *target.Tx, b *record.Batch, place map[string]int, sfids []string) (map[int]int32, error) {
	array := arrayHeader(len(sfids), textOID)
	for _, s := range sfids {
		array = binary.BigEndian.AppendUint32(array, uint32(len(s)))
		array = append(array, s...)
	}
	// pgx has no binary results in the mode that poolers need.
	rows := tx.Conn().PgConn().ExecParams(ctx, a.sql.equal, [][]byte{array}, []uint32{textArrayOID}, []int16{1}, []int16{1})
	same := make(map[int]int32, len(sfids))
	var values []record.Value
	for rows.NextRow() {
		raw := rows.Values()
		i, ok := place[string(raw[1+a.table.Layout.ID])]
		if !ok || a.deleted(b, i) && !a.keepsDeleted() {
			continue
		}
		values = b.Row(i, values)
		if sameImages(raw[1:], values) {
			same[i] = record.Value(raw[0]).Int()
		}
	}
	if _, err := rows.Close(); err != nil {
		return nil, fmt.Errorf("compare rows of %s: %w", a.table.Name, err)
	}
	return same, nil
}

func sameImages(row [][]byte, values []record.Value) bool {
	for i, v := range values {
		if (row[i] == nil) != (v == nil) || !bytes.Equal(row[i], v) {
			return false
		}
	}
	return true
}

// settle leaves out the equal records that nothing is on its way of.
func (a *Applier) settle(ctx context.Context, tx *target.Tx, b *record.Batch, same map[int]int32, sfids []string) (*record.Batch, error) {
	ids, equal := make([]int32, 0, len(same)), make([]string, 0, len(same))
	for i, id := range same {
		ids, equal = append(ids, id), append(equal, sfids[i])
	}
	entries, err := a.log.Unsettled(ctx, tx, a.table.Name, ids, equal)
	if err != nil {
		return nil, err
	}
	intents, err := a.box.Touching(ctx, tx, a.table.Name, ids, equal, nil, b.Asked)
	if err != nil {
		return nil, err
	}
	m := &matches{}
	m.index(entries, intents)
	skip, settled := make([]bool, b.Len()), make([]string, 0, len(same))
	for i, id := range same {
		_, touched := m.intents.of(id, sfids[i], "")
		if touched || len(m.byRecord[id]) > 0 || len(m.bySfid[sfids[i]]) > 0 {
			continue
		}
		skip[i] = true
		settled = append(settled, sfids[i])
	}
	if err := Settled(ctx, tx, a.connection, a.table.Mapping.ID, settled); err != nil {
		return nil, err
	}
	return b.Without(skip), nil
}
