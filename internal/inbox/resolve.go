package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Org is what is asked of Salesforce.
type Org interface {
	QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error)
}

// CheckRecord says whether an Id can be that of a record of a table's object,
// and returns it with 18 characters. The org is asked whether the record is
// there; seen is false if it did not answer.
func CheckRecord(ctx context.Context, org Org, t *mapping.Table, id string) (sfid string, seen bool, err error) {
	sfid, err = record.ID18(strings.TrimSpace(id))
	if err != nil {
		return "", false, &Refusal{What: fmt.Sprintf("%q is no Id of Salesforce.", id), Fix: "Give the 15 or 18 characters of the record's Id."}
	}
	if p := t.Describe.KeyPrefix; p != "" && !strings.HasPrefix(sfid, p) {
		return "", false, &Refusal{What: fmt.Sprintf("%s is no Id of %s: those begin with %s.", sfid, t.Object, p), Fix: "Give the Id of the record that the insert made."}
	}
	found, err := org.QueryMaps(ctx, "SELECT Id FROM "+t.Object+" WHERE Id = '"+sfid+"'", false)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", false, fmt.Errorf("look for the record: %w", err)
	case err != nil:
		return sfid, false, nil //nolint:nilerr // the org does not answer: the person's word stands
	case len(found) == 0:
		return "", false, &Refusal{
			What: fmt.Sprintf("The org has no record %s of %s that the integration user can see.", sfid, t.Object),
			Fix:  "Look for the record by its values; if there is none, answer that it did not arrive: --send-again.",
		}
	}
	return sfid, true, nil
}

// Resolve answers for an insert whose outcome is not known: it arrived as the
// record sfid, or, with "", it did not and is to be sent. It is what
// docs/writes.md does in SQL, and does nothing unless the outcome is still
// unknown.
//
// That it did not arrive may only be said when it can't arrive any more, about
// 11 minutes after it was sent.
func (in *Inbox) Resolve(ctx context.Context, logID int32, sfid string) error {
	err := in.write(ctx, func(ctx context.Context, tx *target.Tx) error {
		i, err := in.unknownIntent(ctx, tx, logID)
		if err != nil {
			return err
		}
		if sfid == "" {
			return in.sendAgain(ctx, tx, i)
		}
		return in.arrived(ctx, tx, i, sfid)
	})
	if err != nil {
		return fmt.Errorf("answer for log entry %d: %w", logID, err)
	}
	return nil
}

// lost is an intent whose outcome is not known.
type lost struct {
	id       int64
	logID    int32
	table    string
	recordID int32
	age      time.Duration
}

// unknownIntent locks the intent, so that the writer's own finding waits for the
// answer or is seen by it.
func (in *Inbox) unknownIntent(ctx context.Context, tx pgx.Tx, logID int32) (lost, error) {
	i := lost{logID: logID}
	var seconds float64
	err := tx.QueryRow(ctx, `
		SELECT id, table_name, coalesce(record_id, 0), extract(epoch FROM clock_timestamp() - claimed_at)::float8
		FROM _syncline.intent WHERE connection_id = $1 AND log_id = $2 AND state = 'unknown' FOR UPDATE`,
		in.conn.ID, logID).Scan(&i.id, &i.table, &i.recordID, &seconds)
	i.age = time.Duration(seconds * float64(time.Second))
	if errors.Is(err, pgx.ErrNoRows) {
		return i, &Refusal{
			What: fmt.Sprintf("The outcome of log entry %d is not unknown: it was found out, or there is no such entry.", logID),
			Fix:  "See how it stands: syncline errors show " + fmt.Sprint(logID),
		}
	}
	if err != nil {
		return i, fmt.Errorf("read the intent: %w", err)
	}
	return i, nil
}

func (in *Inbox) sendAgain(ctx context.Context, tx *target.Tx, i lost) error {
	if wait := settleAfter - i.age; wait > 0 {
		return &Refusal{
			What: fmt.Sprintf("The insert of log entry %d may still arrive; sent again now, it could be made twice.", i.logID),
			Fix:  fmt.Sprintf("Answer in %s. Syncline looks for it meanwhile, and may find out by itself.", wait.Round(time.Second)),
		}
	}
	if err := in.box.Drop(ctx, tx, []int64{i.id}); err != nil {
		return err
	}
	_, err := in.log.SetState(ctx, tx, []int32{i.logID}, triggerlog.Pending, triggerlog.New)
	return err
}

// arrived settles the insert as the writer would have done. The intent is kept as
// accepted, so that a page that was asked for before does not overwrite the row.
func (in *Inbox) arrived(ctx context.Context, tx *target.Tx, i lost, sfid string) error {
	there, err := in.giveSfid(ctx, tx, i, sfid)
	if err != nil {
		return err
	}
	err = in.log.Settle(ctx, tx, []triggerlog.Outcome{{ID: i.logID, State: triggerlog.Success, Sfid: sfid}})
	if err != nil {
		return err
	}
	if err := in.box.Accept(ctx, tx, []int64{i.id}, []string{sfid}); err != nil || there {
		return err
	}
	// The row went meanwhile, so the record goes (I3).
	_, err = in.log.ReviveDeletes(ctx, tx, i.table, []triggerlog.Revival{{RecordID: i.recordID, After: i.logID, Sfid: sfid}})
	return err
}

// giveSfid stores the Id in the row; false if the row is gone.
func (in *Inbox) giveSfid(ctx context.Context, tx *target.Tx, i lost, sfid string) (bool, error) {
	var other int32
	err := tx.QueryRow(ctx, `SELECT id FROM `+in.name(i.table)+` WHERE sfid = $1 AND id <> $2`, sfid, i.recordID).Scan(&other)
	if err == nil {
		return false, &Refusal{
			What: fmt.Sprintf("Row %d of %s has the Id %s already.", other, i.table, sfid),
			Fix:  "If that row is a copy, delete it with SET syncline.capture = 'off' and answer again; else the insert became another record.",
		}
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("look for the Id in %s: %w", i.table, err)
	}
	if err := tx.KeepStatus(ctx, true); err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE `+in.name(i.table)+` t SET sfid = $1,
			_hc_lastop = CASE WHEN w.waits THEN _hc_lastop ELSE 'INSERTED' END, _hc_err = CASE WHEN w.waits THEN _hc_err END
		FROM (SELECT EXISTS (SELECT FROM `+in.live+` WHERE table_name = $3 AND record_id = $2 AND id <> $4
			AND state IN ('NEW', 'PENDING')) AS waits) w
		WHERE t.id = $2 AND (t.sfid IS NULL OR t.sfid = $1)`, sfid, i.recordID, i.table, i.logID)
	if err != nil {
		return false, fmt.Errorf("store the Id in row %d of %s: %w", i.recordID, i.table, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Lost is what is known of an insert whose outcome is not.
type Lost struct {
	outbox.Intent
	// FinalAt is when it can't arrive any more.
	FinalAt time.Time
}

// Outcome of an entry that is not known; false if it is.
func (in *Inbox) lostOf(ctx context.Context, tx pgx.Tx, logID int32) (Lost, bool, error) {
	var l Lost
	err := tx.QueryRow(ctx, `SELECT id, table_name, log_id, coalesce(record_id, 0), op, object, coalesce(body, ''), claimed_at
		FROM _syncline.intent WHERE connection_id = $1 AND log_id = $2 AND state = 'unknown'`, in.conn.ID, logID).
		Scan(&l.ID, &l.Table, &l.LogID, &l.RecordID, &l.Op, &l.Object, &l.Body, &l.ClaimedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("read the intent: %w", err)
	}
	l.FinalAt = l.ClaimedAt.Add(settleAfter)
	return l, true, nil
}
