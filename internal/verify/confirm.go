package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// idsPerQuery keeps the URL of a query by Id short.
const idsPerQuery = 200

// confirm looks at the doubts again. In the last round what still differs
// counts.
func (j *job) confirm(ctx context.Context) error {
	for round := 1; len(j.doubts) > 0; round++ {
		if err := clock.Sleep(ctx, j.options.Confirm); err != nil {
			return fmt.Errorf("wait to look at differences again: %w", err)
		}
		doubts := j.doubts
		j.doubts = nil
		for chunk := range slices.Chunk(doubts, idsPerQuery) {
			again, err := j.again(ctx, chunk)
			if err != nil {
				return fmt.Errorf("look at differences again: %w", err)
			}
			j.judge(again, round >= j.options.Rounds)
		}
	}
	return nil
}

// second is what is found of a few doubts when they are looked at again.
type second struct {
	doubts  []doubt
	records map[string]*row
	rows    map[string]*row
	unsent  map[int32]bool
	status  map[doubt]status
	// arriving are sfids of records that a row without an Id stands for, whose
	// change is on its way.
	arriving map[string]bool
}

// status is why a row may differ.
type status uint8

const (
	none status = iota
	pending
	failed
)

func (j *job) again(ctx context.Context, doubts []doubt) (*second, error) {
	s := &second{doubts: doubts, records: map[string]*row{}, rows: map[string]*row{}, unsent: map[int32]bool{}}
	var sfids []string
	var unsent []int32
	for _, d := range doubts {
		if d.sfid == "" {
			unsent = append(unsent, d.id)
		} else {
			sfids = append(sfids, d.sfid)
		}
	}
	if err := j.rowsAgain(ctx, s, sfids, unsent); err != nil {
		return nil, err
	}
	if err := j.recordsAgain(ctx, s, sfids); err != nil {
		return nil, err
	}
	if err := j.arrivals(ctx, s); err != nil {
		return nil, err
	}
	return s, j.statuses(ctx, s, sfids)
}

func (j *job) rowsAgain(ctx context.Context, s *second, sfids []string, unsent []int32) error {
	return j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		found, err := readRows(ctx, tx.Conn().PgConn(), j.table, j.sql.bySfid, textsOf(sfids))
		if err != nil {
			return err
		}
		for i := range found {
			s.rows[found[i].sfid] = &found[i]
		}
		if len(unsent) == 0 {
			return nil
		}
		sql := strings.Replace(j.sql.unsent, "id > $1", "id = ANY($1::int[])", 1)
		rows, err := tx.Query(ctx, sql, unsent)
		if err != nil {
			return fmt.Errorf("read rows without an Id: %w", err)
		}
		var id int32
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
			s.unsent[id] = true
			return nil
		})
		return err
	})
}

func (j *job) recordsAgain(ctx context.Context, s *second, sfids []string) error {
	if len(sfids) == 0 {
		return nil
	}
	b := record.NewBatch(j.table.Layout)
	page, err := j.org.Query(ctx, selectFrom(j.table)+" WHERE Id IN ('"+strings.Join(sfids, "', '")+"')", false, b)
	for err == nil && !page.Done {
		page, err = j.org.More(ctx, page.Next, b)
	}
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	for i := range b.Len() {
		r := &row{values: b.Row(i, nil)}
		r.sfid = r.values[j.table.Layout.ID].String()
		s.records[r.sfid] = r
	}
	return nil
}

// arrivals finds rows without an Id that bear the unique identifier of a record
// that has no row, and whose change is on its way. Such a row is told as
// pending by itself.
func (j *job) arrivals(ctx context.Context, s *second) error {
	s.arriving = map[string]bool{}
	sfidOf := map[string]string{}
	if j.sql.byExternal != "" {
		for id, rec := range s.records {
			if v := rec.values[j.table.Upsert]; v != nil && s.rows[id] == nil {
				sfidOf[strings.ToLower(j.external(v))] = id
			}
		}
	}
	if len(sfidOf) == 0 {
		return nil
	}
	var externals []string
	for e := range sfidOf {
		externals = append(externals, e)
	}
	return j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		found, err := readRows(ctx, tx.Conn().PgConn(), j.table, j.sql.byExternal, externals)
		if err != nil || len(found) == 0 {
			return err
		}
		var ids []int32
		for _, r := range found {
			ids = append(ids, r.id)
		}
		of, err := j.waiting(ctx, tx, ids, nil)
		for _, r := range found {
			if of.row[r.id] {
				s.arriving[sfidOf[strings.ToLower(j.external(r.values[j.table.Upsert]))]] = true
			}
		}
		return err
	})
}

func (j *job) external(v record.Value) string {
	return string(j.table.Columns[j.table.Upsert].Type.AppendText(nil, v))
}

// waiting are rows and records with a change on its way.
type waiting struct {
	row  map[int32]bool
	sfid map[string]bool
}

func (j *job) waiting(ctx context.Context, tx pgx.Tx, ids []int32, sfids []string) (waiting, error) {
	w := waiting{row: map[int32]bool{}, sfid: map[string]bool{}}
	entries, err := j.log.Unsettled(ctx, tx, j.table.Name, ids, textsOf(sfids))
	if err != nil {
		return w, err
	}
	for _, e := range entries {
		if e.Unsettled() {
			w.row[e.RecordID], w.sfid[e.Sfid] = true, true
		}
	}
	never := time.Now().AddDate(100, 0, 0) // settled intents don't matter
	intents, err := j.box.Touching(ctx, tx, j.table.Name, ids, textsOf(sfids), []string{}, never)
	if err != nil {
		return w, err
	}
	for _, i := range intents {
		if i.State != outbox.Settled {
			w.row[i.RecordID], w.sfid[i.Sfid] = true, true
		}
	}
	return w, nil
}

// statuses finds out why each doubt may differ.
func (j *job) statuses(ctx context.Context, s *second, sfids []string) error {
	s.status = map[doubt]status{}
	var ids []int32
	for i, d := range s.doubts {
		if r := s.rows[d.sfid]; r != nil {
			s.doubts[i].id = r.id
		}
		if s.doubts[i].id != 0 {
			ids = append(ids, s.doubts[i].id)
		}
	}
	return j.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		w, err := j.waiting(ctx, tx, ids, sfids)
		if err != nil {
			return err
		}
		refused, err := j.refused(ctx, tx, ids, sfids)
		if err != nil {
			return err
		}
		for _, d := range s.doubts {
			switch {
			case d.id != 0 && w.row[d.id], d.sfid != "" && w.sfid[d.sfid]:
				s.status[d] = pending
			case d.id != 0 && refused.row[d.id], d.id == 0 && refused.sfid[d.sfid]:
				s.status[d] = failed
			}
		}
		return nil
	})
}

// refused are rows and records whose newest entry failed.
func (j *job) refused(ctx context.Context, tx pgx.Tx, ids []int32, sfids []string) (waiting, error) {
	w := waiting{row: map[int32]bool{}, sfid: map[string]bool{}}
	rows, err := tx.Query(ctx, j.sql.newest, j.table.Name, ids, textsOf(sfids))
	if err != nil {
		return w, fmt.Errorf("read the newest log entries: %w", err)
	}
	var (
		id, recordID int32
		state, sfid  string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &state, &recordID, &sfid}, func() error {
		isFailed := state == string(triggerlog.Failed)
		w.row[recordID], w.sfid[sfid] = isFailed, isFailed
		return nil
	})
	if err != nil {
		return w, fmt.Errorf("read the newest log entries: %w", err)
	}
	return w, nil
}

// judge counts what was found; what differs is doubted again unless this is the
// last look.
func (j *job) judge(s *second, last bool) {
	for _, d := range s.doubts {
		rec, row := s.records[d.sfid], s.rows[d.sfid]
		sample := Sample{Sfid: d.sfid, ID: d.id}
		switch {
		case d.sfid == "":
			if !s.unsent[d.id] {
				continue // it has been sent, or is gone
			}
			sample.Kind = NeverSent
		case rec == nil && row == nil:
			continue
		case rec == nil:
			sample.Kind = MissingInSalesforce
		case row == nil:
			if s.arriving[d.sfid] {
				continue // the row without an Id is told as pending
			}
			sample.Kind, sample.ID = MissingInPostgres, 0
		case j.same(rec, row):
			j.report.Equal++
			continue
		default:
			sample.Kind, sample.Fields = Different, j.fields(rec, row)
		}
		switch {
		case s.status[d] == pending:
			j.report.Pending++
		case s.status[d] == failed:
			j.report.FailedWrites++
		case last:
			j.show(sample)
		default:
			j.doubts = append(j.doubts, d)
		}
	}
}

// textsOf is never nil, which would be NULL in SQL.
func textsOf(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
