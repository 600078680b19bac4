package writer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/sandbox/org"
)

// bulkFrom makes jobs of so many waiting changes.
func bulkFrom(n int, a mapping.Algorithm) func(*Config) {
	return func(c *Config) { c.Connection.Algorithm, c.Connection.Options.BulkWritesFrom = a, n }
}

const manyAccounts = `INSERT INTO account (name, external_id__c, phone)
	SELECT 'A' || i, 'x' || i, CASE WHEN i % 2 = 0 THEN '1' END FROM generate_series(1, 30) i`

const allInOrg = `SELECT count(*), min(state), max(state) FROM _trigger_log`

func TestManyChangesGoAsJobs(t *testing.T) {
	t.Parallel()
	for _, a := range []mapping.Algorithm{mapping.Dependency, mapping.Merged} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, bulkFrom(20, a))
			s.run(manyAccounts)
			s.run(`INSERT INTO contact (lastname, external_id__c, account__external_id__c) SELECT 'C' || i, 'c' || i, 'x' || i FROM generate_series(1, 25) i`)
			if p := s.drain(); p.Sent != 55 || p.Failed != 0 {
				t.Errorf("progress %+v", p)
			}
			s.want("children", s.inOrg(`SELECT LastName FROM Contact WHERE Account.Name = 'A7'`), `{"LastName":"C7"}`+"\n")
			s.run(`UPDATE account SET phone = NULL, description = 'two' || chr(10) || 'lines, "quoted"'`)
			s.drain()
			s.run(`DELETE FROM contact`)
			s.drain()
			want := []string{"create upsert", "upload", "complete", "create upsert", "upload", "complete",
				"create update", "upload", "complete", "create delete", "upload", "complete"}
			if s.client.calls == 1 {
				// The children were free a moment before the parents' job was over,
				// and no other job was to be looked for yet.
				want = want[3:]
			}
			if !slices.Equal(s.bulk.calls, want) || s.client.calls > 1 {
				t.Errorf("calls %q, %d of Collections", s.bulk.calls, s.client.calls)
			}
			s.want("log", s.lines(allInOrg), "110|SUCCESS|SUCCESS\n")
			s.want("rows", s.lines(`SELECT count(DISTINCT sfid), min(_hc_lastop), max(_hc_lastop) FROM account`), "30|UPDATED|UPDATED\n")
			s.want("org", s.inOrg(`SELECT Name, Phone, Description FROM Account WHERE External_ID__c = 'x4'`),
				`{"Description":"two\nlines, \"quoted\"","Name":"A4","Phone":null}`+"\n")
			s.want("org", s.inOrg(`SELECT Id FROM Contact`), "")
		})
	}
}

func TestJobWithRefusedRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "Phone = '1'", Message: "no such phone", Fields: []string{"Phone"}}}}))
	s.run(manyAccounts)
	s.run(`UPDATE account SET name = '#N/A' WHERE id = 1`)
	if p := s.drain(); p.Sent != 16 || p.Failed != 15 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(`SELECT DISTINCT state, sf_message FROM _trigger_log ORDER BY 1`),
		"FAILED|FIELD_CUSTOM_VALIDATION_EXCEPTION: no such phone [Phone]\nSUCCESS|-\n")
	s.want("rows", s.lines(`SELECT _hc_lastop, count(*), min(_hc_err::json ->> 'code') FROM account GROUP BY 1 ORDER BY 1`),
		"FAILED|15|FIELD_CUSTOM_VALIDATION_EXCEPTION\nINSERTED|14|-\nUPDATED|1|-\n")
	s.want("org", s.inOrg(`SELECT Name FROM Account WHERE External_ID__c = 'x1'`), `{"Name":"#N/A"}`+"\n")
}

func TestLockedRowsOfAJobAreTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.run(manyAccounts)
	s.fault(map[string]any{"kind": "row_error", "rows": 5, "count": 1, "method": "PATCH", "code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
	if p := s.drain(); p.Sent != 30 || p.Retry != 5 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(allInOrg), "30|SUCCESS|SUCCESS\n")
}

// A job that ends before its last row gives up the rest, which goes by
// Collections.
func TestJobThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'A' || i, 'x' || i FROM generate_series(1, 450) i`)
	s.fault(map[string]any{"kind": "job_fails", "rows": 200, "count": 1, "method": "PATCH", "message": "InternalServerError : out of luck"})
	if p := s.drain(); p.Sent != 450 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(allInOrg), "450|SUCCESS|SUCCESS\n")
	s.want("rows", s.lines(`SELECT count(DISTINCT sfid) FROM account`), "450\n")
	if s.client.calls == 0 {
		t.Error("nothing went by Collections")
	}
}

func TestOrgWithoutBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.run(manyAccounts)
	s.fault(map[string]any{"kind": "status", "status": 400, "code": "FEATURENOTENABLED", "message": "no", "count": 1, "path": "/jobs/ingest"})
	if p := s.drain(); p.Sent != 30 {
		t.Errorf("progress %+v", p)
	}
	if s.client.calls != 1 {
		t.Errorf("%d calls of Collections", s.client.calls)
	}
}

const equalInserts = `INSERT INTO opportunity (name, stagename, closedate) SELECT 'O' || i % 3, 'Prospecting', '2026-12-01' FROM generate_series(1, 9) i`

func TestCreatesByJob(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Connection.Algorithm, c.Connection.Options.Creates = mapping.Dependency, mapping.CreatesByJob
	})
	s.run(equalInserts)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'a')`)
	s.drain()
	s.want("log", s.lines(allInOrg), "10|SUCCESS|SUCCESS\n")
	s.want("rows", s.lines(`SELECT count(DISTINCT sfid) FROM opportunity`), "9\n")
	if !slices.Equal(s.bulk.calls, []string{"create insert", "upload", "complete"}) || s.client.calls != 1 {
		t.Errorf("calls %q and %d", s.bulk.calls, s.client.calls)
	}
}

// TestJobDies kills a writer at each call of a job, before and after the org
// has taken it, and lets another one go on.
func TestJobDies(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"account", "opportunity"} {
		for _, point := range []string{"create", "upload", "complete"} {
			for _, after := range []bool{false, true} {
				name := fmt.Sprintf("%s at %s, after %v", table, point, after)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s := newSite(t, bulkFrom(5, mapping.Dependency))
					s.run(map[string]string{"account": manyAccounts, "opportunity": equalInserts}[table])
					s.killAt(point, after)
					s.journal.noted = startedBy
					s.must(s.Recover(t.Context(), s.fence))
					s.drain()
					s.allOnce(table)
				})
			}
		}
	}
}

// killAt runs until a call of a job and lets the writer die there.
func (s *site) killAt(point string, after bool) {
	s.Helper()
	c, err := s.claim(s.Context(), s.fence)
	s.must(err)
	if len(c.calls) != 1 || c.calls[0].job == nil {
		s.Fatalf("%d calls", len(c.calls))
	}
	died := make(chan struct{})
	s.bulk.fail = func(call string, send func() error) error {
		if !strings.HasPrefix(call, point) {
			return send()
		}
		if after {
			s.must(send())
		}
		close(died)
		select {} // the goroutine stays where it died
	}
	w := s.Writer
	fence := s.fence
	go func() { _ = w.start(s.Context(), fence, c.calls[0].job, &Progress{}) }()
	<-died
	s.bulk.mu.Lock()
	s.bulk.fail = nil
	s.bulk.mu.Unlock()
	s.restart()
}

// allOnce checks that each row has a record of its own and nothing is over.
func (s *site) allOnce(table string) {
	s.Helper()
	s.want("log", s.lines(`SELECT DISTINCT state FROM _trigger_log`), "SUCCESS\n")
	rows, err := s.client.QueryMaps(s.Context(), `SELECT Id FROM `+s.cfg.Tables[table].Object, false)
	s.must(err)
	s.want("records", s.lines(`SELECT count(*), count(DISTINCT sfid) FROM `+table), fmt.Sprintf("%d|%d\n", len(rows), len(rows)))
}

func TestJobHalfSettled(t *testing.T) {
	t.Parallel()
	for _, journalled := range []bool{true, false} {
		t.Run(fmt.Sprint("journalled ", journalled), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, bulkFrom(5, mapping.Dependency))
			s.run(equalInserts)
			c, err := s.claim(t.Context(), s.fence)
			s.must(err)
			j := c.calls[0].job
			s.must(s.start(t.Context(), s.fence, j, &Progress{}))
			got := s.over(j.id)
			all, err := s.results(t.Context(), j, got)
			s.must(err)
			part := j.call.part()
			part.intents = j.call.intents[:4]
			if journalled {
				s.must(s.journal.Accepted(t.Context(), part.batch, all.answers[:4]))
			}
			_, err = s.settle(t.Context(), s.fence, part, all.answers[:4])
			s.must(err)
			s.restart()
			s.must(s.Recover(t.Context(), s.fence))
			s.drain()
			s.allOnce("opportunity")
		})
	}
}

// over waits until the org's job is.
func (s *site) over(id string) bulk.Job {
	s.Helper()
	for range 500 {
		got, err := s.bulk.IngestJob(s.Context(), id)
		s.must(err)
		if got.State == bulk.JobComplete {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatal("the job does not end")
	return bulk.Job{}
}

func TestLostReplyThatStartsAJob(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"drop_before", "drop_after"} {
		for _, method := range []string{"POST", "PUT", "PATCH"} {
			t.Run(kind+" "+method, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, bulkFrom(5, mapping.Dependency))
				s.run(equalInserts)
				s.fault(map[string]any{"kind": kind, "count": 1, "method": method, "path": "/jobs/ingest"})
				_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
				if err != nil && salesforce.ClassOf(err) != salesforce.RetrySoon {
					t.Error(err)
				}
				s.drain()
				s.allOnce("opportunity")
			})
		}
	}
}

// A job that nobody can find any more: updates are made again.
func TestJobIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.run(manyAccounts)
	s.fault(map[string]any{"kind": "status", "status": 404, "code": "NOT_FOUND", "message": "gone", "count": 1, "method": "GET", "path": "/jobs/ingest/"})
	s.drain()
	s.allOnce("account")
}

// A turn that was overtaken starts no job.
func TestOvertakenTurnStartsNoJob(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(20, mapping.Dependency))
	s.run(manyAccounts)
	c, err := s.claim(t.Context(), s.fence)
	s.must(err)
	j := c.calls[0].job
	s.must(s.journalJob(t.Context(), s.fence, j.call))
	s.must(s.fill(t.Context(), s.fence, j))
	old, before := s.Writer, s.fence
	s.restart()
	if err := old.setGoing(t.Context(), before, j, &Progress{}); err == nil {
		t.Error("started")
	}
	s.must(s.Recover(t.Context(), s.fence))
	p, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	s.must(err)
	if wait := time.Until(p.NextAt); wait < startWithin || wait > startedBy {
		t.Errorf("the job of another turn is ended in %v", wait)
	}
	s.journal.noted = startedBy
	for _, j := range s.jobs {
		j.lookAt = time.Now()
	}
	s.drain()
	s.allOnce("account")
}
