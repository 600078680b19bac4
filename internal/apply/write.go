package apply

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// carryOut writes a plan: deletes first, so that a record may take over the
// unique identifier of one that is gone.
func (a *Applier) carryOut(ctx context.Context, tx *target.Tx, b *record.Batch, p *plan) (Result, error) {
	res := Result{Passed: p.passed}
	var err error
	if res.Deleted, err = a.removeRows(ctx, tx, p); err != nil {
		return res, err
	}
	kept, err := a.keepRows(ctx, tx, p)
	if err != nil {
		return res, err
	}
	updated, err := a.updateRows(ctx, tx, p, p.update, a.sql.update)
	if err != nil {
		return res, err
	}
	res.Updated = kept + updated
	if res.Inserted, err = a.insertRows(ctx, tx, p); err != nil {
		return res, err
	}
	res.Deferred, res.Refused = len(p.later), len(p.refused)
	err = a.note(ctx, tx, p, &res)
	return res, err
}

// removeRows deletes rows. One that the application's own tables hold on to
// (a foreign key, a trigger) is refused like any other.
func (a *Applier) removeRows(ctx context.Context, tx *target.Tx, p *plan) (int, error) {
	removed := 0
	left, err := a.attempt(ctx, tx, p, p.remove, func(rows []staged, _ bool) error {
		ids := make([]int32, len(rows))
		for i, r := range rows {
			ids[i] = r.id
		}
		tag, err := tx.Exec(ctx, a.sql.remove, ids)
		if err == nil {
			removed += int(tag.RowsAffected())
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete from %s: %w", a.table.Name, err)
	}
	for _, s := range left {
		p.postpone(a.sfidOf(s), "the application holds a row that hangs on it")
	}
	return removed, nil
}

func (a *Applier) sfidOf(s staged) string { return s.values[a.table.Layout.ID].String() }

// keepRows updates rows whose status stays as it is.
func (a *Applier) keepRows(ctx context.Context, tx *target.Tx, p *plan) (int, error) {
	if len(p.keep) == 0 {
		return 0, nil
	}
	if err := tx.KeepStatus(ctx, true); err != nil {
		return 0, err
	}
	n, err := a.updateRows(ctx, tx, p, p.keep, a.sql.keep)
	if err != nil {
		return 0, err
	}
	return n, tx.KeepStatus(ctx, false)
}

// updateRows updates rows; those that clash with another row wait.
func (a *Applier) updateRows(ctx context.Context, tx *target.Tx, p *plan, rows []staged, sql sources) (int, error) {
	updated := 0
	left, err := a.attempt(ctx, tx, p, rows, func(rows []staged, again bool) error {
		if again && a.sql.release.arrays != "" {
			if _, err := a.run(ctx, tx, rows, a.sql.release); err != nil {
				return err
			}
		}
		res, err := a.run(ctx, tx, rows, sql)
		if err == nil {
			updated += int(res.CommandTag.RowsAffected())
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("update %s: %w", a.table.Name, err)
	}
	a.postponeClashes(p, left)
	return updated, nil
}

// insertRows adds rows. One that could not be added (the application inserted
// it a moment ago) is matched again next time.
func (a *Applier) insertRows(ctx context.Context, tx *target.Tx, p *plan) (int, error) {
	added := make(map[string]bool, len(p.insert))
	left, err := a.attempt(ctx, tx, p, p.insert, func(rows []staged, _ bool) error {
		res, err := a.run(ctx, tx, rows, a.sql.insert)
		if err != nil {
			return err
		}
		for _, r := range res.Rows {
			added[string(r[0])] = true
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("insert into %s: %w", a.table.Name, err)
	}
	if len(added) < len(p.insert) {
		for _, s := range p.insert {
			if sfid := a.sfidOf(s); !added[sfid] && !p.refuses[sfid] {
				left = append(left, s)
			}
		}
	}
	a.postponeClashes(p, left)
	return len(added), nil
}

func (a *Applier) postponeClashes(p *plan, rows []staged) {
	seen := make(map[string]bool, len(rows))
	for _, s := range rows {
		if sfid := a.sfidOf(s); !seen[sfid] {
			seen[sfid] = true
			p.postpone(sfid, unique)
		}
	}
}

// run executes a statement over rows, as arrays or through the stage.
func (a *Applier) run(ctx context.Context, tx *target.Tx, rows []staged, sql sources) (*pgconn.Result, error) {
	conn := tx.Conn().PgConn()
	if len(rows) <= a.arraysUpTo {
		values, oids, formats := a.arrayArgs(rows)
		res := conn.ExecParams(ctx, sql.arrays, values, oids, formats, nil).Read()
		return res, res.Err
	}
	if _, err := tx.Exec(ctx, a.sql.createStage); err != nil {
		return nil, fmt.Errorf("create the stage: %w", err)
	}
	if _, err := conn.CopyFrom(ctx, bytes.NewReader(stageImage(rows)), a.sql.copyStage); err != nil {
		return nil, fmt.Errorf("copy to the stage: %w", err)
	}
	res := conn.ExecParams(ctx, sql.stage, nil, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, res.Err
	}
	_, err := tx.Exec(ctx, a.sql.dropStage)
	return res, err
}

// arrayArgs turns rows into one binary array per column, the row ids first.
func (a *Applier) arrayArgs(rows []staged) (values [][]byte, oids []uint32, formats []int16) {
	ids := arrayHeader(len(rows), int4OID)
	for _, r := range rows {
		ids = appendField(ids, record.IntValue(r.id))
	}
	values, oids, formats = append(values, ids), append(oids, int4ArrayOID), append(formats, 1)
	for i, c := range a.table.Columns {
		array := arrayHeader(len(rows), c.Type.OID())
		for _, r := range rows {
			array = appendField(array, r.values[i])
		}
		values, oids, formats = append(values, array), append(oids, arrayOID(c.Type)), append(formats, 1)
	}
	return values, oids, formats
}

// arrayHeader is the start of a one-dimensional binary array.
func arrayHeader(n int, elem uint32) []byte {
	out := binary.BigEndian.AppendUint32(nil, 1)   // dimensions
	out = binary.BigEndian.AppendUint32(out, 1)    // may hold NULL
	out = binary.BigEndian.AppendUint32(out, elem) // type of elements
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	return binary.BigEndian.AppendUint32(out, 1) // lower bound
}

func appendField(dst []byte, v record.Value) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(dst, 0xffffffff)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}

// stageImage is a binary COPY of rows with their ids.
func stageImage(rows []staged) []byte {
	out := append([]byte(nil), "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for _, r := range rows {
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.values)+1))
		out = appendField(out, record.IntValue(r.id))
		for _, v := range r.values {
			out = appendField(out, v)
		}
	}
	return append(out, 0xff, 0xff)
}

// note stores what the next round and the planner must know, and counts the
// conflicts.
func (a *Applier) note(ctx context.Context, tx *target.Tx, p *plan, res *Result) error {
	if err := a.deferRecords(ctx, tx, p); err != nil {
		return err
	}
	if err := a.noteRefused(ctx, tx, p); err != nil {
		return err
	}
	if err := a.box.RememberTheirs(ctx, tx, p.theirs); err != nil {
		return err
	}
	clashes, err := a.box.LogConflicts(ctx, tx, p.clashes)
	if err != nil {
		return err
	}
	for _, c := range clashes {
		res.Conflicts++
		if c.Winner == string(mapping.PostgresWins) {
			res.Kept++
		}
	}
	outcomes := make([]triggerlog.Outcome, len(p.undo))
	for i, id := range p.undo {
		outcomes[i] = triggerlog.Outcome{ID: id, State: triggerlog.Ignored, Message: "Salesforce's change won over this delete"}
	}
	return a.log.Settle(ctx, tx, outcomes)
}

func (a *Applier) deferRecords(ctx context.Context, tx *target.Tx, p *plan) error {
	p.done = slices.DeleteFunc(p.done, func(sfid string) bool {
		return p.refuses[sfid] || slices.ContainsFunc(p.later, func(d deferral) bool { return d.sfid == sfid })
	})
	if err := Settled(ctx, tx, a.connection, a.table.Mapping.ID, p.done); err != nil {
		return err
	}
	if len(p.later) == 0 {
		return nil
	}
	sfids, reasons := make([]string, len(p.later)), make([]string, len(p.later))
	for i, d := range p.later {
		sfids[i], reasons[i] = d.sfid, d.reason
	}
	return Defer(ctx, tx, a.connection, a.table.Mapping.ID, sfids, reasons)
}

// Defer notes records of a mapping that the reader must fetch by Id, sfids and
// their reasons in parallel, with its own care for rows that are locked or
// changed. The time at which a record was first deferred stays.
func Defer(ctx context.Context, tx *target.Tx, connection, mappingID uuid.UUID, sfids, reasons []string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO _syncline.deferred (connection_id, mapping, sfid, reason, since)
		SELECT $1, $2, d.sfid, d.reason, clock_timestamp()
		FROM unnest($3::text[], $4::text[]) AS d(sfid, reason)
		ON CONFLICT (connection_id, mapping, sfid) DO UPDATE SET reason = excluded.reason`,
		connection, mappingID, sfids, reasons)
	if err != nil {
		return fmt.Errorf("defer records: %w", err)
	}
	return nil
}
