package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// idsPerQuery keeps the URL of a query by Id short.
const idsPerQuery = 200

// prepareLooks joins doubts that are both known from the drift log and found by
// this proof.
func (j *job) prepareLooks() {
	p := j.place
	slices.SortFunc(p.Doubts, func(a, b doubt) int {
		return cmp.Or(strings.Compare(a.Sfid, b.Sfid), cmp.Compare(idIfUnsent(a), idIfUnsent(b)))
	})
	out := p.Doubts[:0]
	for _, d := range p.Doubts {
		if n := len(out); n > 0 && out[n-1].Sfid == d.Sfid && idIfUnsent(out[n-1]) == idIfUnsent(d) {
			out[n-1].Known = out[n-1].Known || d.Known
			out[n-1].Read = out[n-1].Read || d.Read
			continue
		}
		out = append(out, d)
	}
	p.Doubts = out
}

func idIfUnsent(d doubt) int32 {
	if d.Sfid != "" {
		return 0
	}
	return d.ID
}

// looks looks at the doubts again, if they are due. In the last look what still
// differs counts.
func (j *job) looks(ctx context.Context) (goOn bool, err error) {
	p := j.place
	if len(p.Doubts) == 0 && len(p.Again) == 0 {
		p.Phase, p.Due = inDuplicates, time.Time{}
		if p.Proof == Quick {
			p.Phase = isOver
		}
		return true, nil
	}
	if time.Now().Before(p.Due) {
		return false, nil
	}
	for len(p.Doubts) > 0 {
		chunk := p.Doubts[:min(idsPerQuery, len(p.Doubts))]
		again, err := j.again(ctx, slices.Clone(chunk))
		if err != nil {
			return false, fmt.Errorf("look at differences again: %w", err)
		}
		j.judge(again, p.Looks+1 >= j.options.Rounds)
		p.Doubts = p.Doubts[len(chunk):]
	}
	p.Doubts, p.Again, p.Looks, p.Due = p.Again, nil, p.Looks+1, time.Now().Add(j.options.Confirm)
	return true, nil
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
	// cause guesses why a record is not as it should be.
	cause map[string]Cause
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
		if d.Sfid == "" {
			unsent = append(unsent, d.ID)
		} else {
			sfids = append(sfids, d.Sfid)
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
	if err := j.causes(ctx, s, sfids); err != nil {
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
		rows, err := tx.Query(ctx, j.sql.unsent, unsent)
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
	bounded := j.place.Bounded
	j.place.Bounded = false // by Id, wherever they are
	soql := j.soql(j.table, "Id IN ('"+strings.Join(sfids, "', '")+"')")
	j.place.Bounded = bounded
	page, err := j.query(ctx, soql, j.all(), b)
	for err == nil && !page.Done {
		page, err = j.more(ctx, page.Next, b)
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
		if r := s.rows[d.Sfid]; r != nil {
			s.doubts[i].ID = r.id
		}
		if s.doubts[i].ID != 0 {
			ids = append(ids, s.doubts[i].ID)
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
			case d.ID != 0 && w.row[d.ID], d.Sfid != "" && w.sfid[d.Sfid]:
				s.status[d] = pending
			case d.ID != 0 && refused.row[d.ID], d.ID == 0 && refused.sfid[d.Sfid]:
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
	r := &j.place.Report
	for _, d := range s.doubts {
		sample, differs := j.differs(s, d)
		if differs && d.Known && s.status[d] != none {
			j.place.Waiting = append(j.place.Waiting, d)
		}
		switch {
		case !differs && (sample.Kind == "" || !d.Read): // gone on both sides, or counted when it was read
		case !differs:
			r.Equal++
		case s.status[d] == pending:
			r.Pending++
		case s.status[d] == failed:
			r.FailedWrites++
		case last && !(j.options.Patient && sample.Cause == Unread && time.Since(j.place.Began) < patience):
			j.show(sample)
		default:
			j.place.Again = append(j.place.Again, d)
		}
	}
}

// differs says whether, and how, a doubt is right. Without a difference the
// sample's kind is "" if there is nothing left to compare.
func (j *job) differs(s *second, d doubt) (sample Sample, differs bool) {
	rec, row := s.records[d.Sfid], s.rows[d.Sfid]
	sample = Sample{Kind: Different, Sfid: d.Sfid, ID: d.ID, Cause: s.cause[d.Sfid]}
	switch {
	case d.Sfid == "":
		sample.Kind = NeverSent
		if !s.unsent[d.ID] {
			return Sample{}, false // it has been sent, or is gone
		}
	case rec == nil && row == nil, rec == nil && j.keptDeleted(row):
		return Sample{}, false
	case rec == nil:
		sample.Kind = MissingInSalesforce
	case row == nil && s.arriving[d.Sfid]:
		return Sample{}, false // the row without an Id is told as pending
	case row == nil:
		sample.Kind, sample.ID = MissingInPostgres, 0
	case same(j.table, rec, row):
		return sample, false
	default:
		sample.Fields = fields(j.table, rec, row)
		if sample.Cause == Unknown && j.onlyFormulas(rec, row) {
			sample.Cause = Formula
		}
	}
	return sample, true
}

func (j *job) keptDeleted(r *row) bool {
	return j.keepsDeleted() && r.values[j.table.Layout.Deleted] != nil && r.values[j.table.Layout.Deleted].Bool()
}

// onlyFormulas says whether nothing differs but columns that Salesforce works
// out anew without moving the record's stamp.
func (j *job) onlyFormulas(rec, r *row) bool {
	for i := range j.table.Columns {
		c := &j.table.Columns[i]
		if !c.Type.SameForVerify(rec.values[i], r.values[i]) && (c.Field == nil || !c.Field.Calculated) && c.Relationship == "" {
			return false
		}
	}
	return true
}

// textsOf is never nil, which would be NULL in SQL.
func textsOf(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
