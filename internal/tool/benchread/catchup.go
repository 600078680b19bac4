package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// catchup times the polls after a tenth of the records has changed, and counts
// what they write: each changed row once.
func (b *bench) catchup(ctx context.Context) (result, error) {
	if _, err := b.load(ctx, childArgs{Pages: b.pages, Empty: true}); err != nil {
		return result{}, err
	}
	if _, _, err := b.poll(ctx); err != nil {
		return result{}, err
	}
	changed, err := b.changeTenth(ctx)
	if err != nil {
		return result{}, err
	}
	r, written, err := b.poll(ctx)
	if err != nil {
		return result{}, err
	}
	word := "PASS"
	if written != changed {
		word = "FAIL"
	}
	fmt.Printf("%s catchup: %d of %d records changed, %d rows written\n", word, changed, b.rows, written)
	return r, nil
}

// poll polls until nothing is left, in sessions of its own: their end completes
// what PostgreSQL counts.
func (b *bench) poll(ctx context.Context) (r result, written int64, err error) {
	before, err := b.writes(ctx)
	if err != nil {
		return r, 0, err
	}
	db, err := target.Open(ctx, target.Config{URL: b.dsn, ApplicationName: pollSessions})
	if err != nil {
		return r, 0, err
	}
	defer db.Close()
	var calls atomic.Int64
	org := client(b.token, &calls)
	b.fence++
	fence := target.Fence{Connection: b.connection.ID, Kind: "read", Number: b.fence}
	if err := db.Raise(ctx, fence); err != nil {
		return r, 0, err
	}
	rd := reader.New(reader.Config{Connection: b.connection, DB: db, Org: org, Bulk: bulk.New(org)})
	start := time.Now()
	for next := time.Duration(0); next == 0; {
		res, err := rd.Poll(ctx, fence, []*mapping.Table{b.table}, reader.PollOptions{All: true, Until: time.Now().Add(15 * time.Second)})
		if err != nil {
			return r, 0, err
		}
		if m := res.Mappings[0]; m.Err != nil {
			return r, 0, m.Err
		}
		next = res.Mappings[0].Next
	}
	r = result{Took: time.Since(start), Calls: calls.Load(), PeakMiB: peakMiB(os.Getpid())}
	db.Close()
	after, err := b.writes(ctx)
	return r, after - before, err
}

const pollSessions = "benchread poll"

// writes is how many rows of the table were ever written.
func (b *bench) writes(ctx context.Context) (n int64, err error) {
	for open := 1; open > 0; {
		err := b.db.Pool().QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, pollSessions).Scan(&open)
		if err == nil && open > 0 {
			err = clock.Sleep(ctx, 10*time.Millisecond)
		}
		if err != nil {
			return 0, err
		}
	}
	err = b.db.Pool().QueryRow(ctx, `SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
		WHERE relid = 'salesforce.account'::regclass`).Scan(&n)
	return n, err
}

// changeTenth changes a tenth of the records through a Bulk job and returns how
// many these are.
func (b *bench) changeTenth(ctx context.Context) (int64, error) {
	rows, err := b.db.Pool().Query(ctx, `SELECT sfid FROM salesforce.account WHERE id % 10 = 0`)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	var sheet bytes.Buffer
	sheet.WriteString("Id,Phone\n")
	for _, id := range ids {
		fmt.Fprintf(&sheet, "%s,%d\n", id, time.Now().Unix())
	}
	var calls atomic.Int64
	c := bulk.New(client(b.token, &calls))
	job, err := c.CreateIngest(ctx, bulk.Ingest{Op: salesforce.Update, Object: object})
	if err == nil {
		err = c.Upload(ctx, job.ID, sheet.Bytes())
	}
	if err == nil {
		err = c.Complete(ctx, job.ID, time.Now().Add(time.Minute), nil)
	}
	for err == nil && job.State != bulk.JobComplete {
		if err = clock.Sleep(ctx, 100*time.Millisecond); err == nil {
			job, err = c.IngestJob(ctx, job.ID)
		}
		if err == nil {
			err = job.Err()
		}
	}
	if err == nil && job.Refused > 0 {
		err = fmt.Errorf("%d changes were refused", job.Refused)
	}
	return int64(len(ids)), err
}
