package writer

import (
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
)

// BenchmarkDrain sends changes that were queued while the connection was
// paused: inserts and updates on three objects, by each algorithm. It reports
// changes per second and write calls per 1,000 changes.
//
//	statements  an application that changes 50 rows at a time
//	rows        one that changes one row at a time, each in another table
//
// The org is the sandbox in this process, the journal is in memory.
func BenchmarkDrain(b *testing.B) {
	for _, shape := range []struct {
		name          string
		rows, changes int
	}{{"statements", 50, 10_000}, {"rows", 1, 2_000}} {
		for _, a := range []mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency} {
			b.Run(fmt.Sprint(shape.name, "/", a), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					s := newSite(b, by(a))
					s.queue(shape.rows, shape.changes)
					b.StartTimer()
					start := time.Now()
					p := s.drain()
					took := time.Since(start)
					if p.Failed > 0 || p.Sent == 0 {
						b.Fatalf("progress %+v", p)
					}
					b.ReportMetric(float64(shape.changes)/took.Seconds(), "changes/s")
					b.ReportMetric(1000*float64(s.client.calls)/float64(shape.changes), "calls/1000")
					b.ReportMetric(float64(p.Sent), "records")
				}
			})
		}
	}
}

// queue makes n changes, half of them inserts, so many rows at a time.
func (s *site) queue(rows, n int) {
	s.Helper()
	inserts := []string{
		`INSERT INTO account (name, external_id__c) SELECT 'a' || i, 'a' || i FROM generate_series($1::int, $2::int) i`,
		`INSERT INTO contact (lastname, external_id__c) SELECT 'c' || i, 'c' || i FROM generate_series($1::int, $2::int) i`,
		`INSERT INTO opportunity (name, stagename, closedate) SELECT 'o' || i, 'Prospecting', '2026-12-01' FROM generate_series($1::int, $2::int) i`,
	}
	updates := []string{
		`UPDATE account SET phone = '1' WHERE name IN (SELECT 'a' || i FROM generate_series($1::int, $2::int) i)`,
		`UPDATE contact SET email = 'a@example.com' WHERE lastname IN (SELECT 'c' || i FROM generate_series($1::int, $2::int) i)`,
		`UPDATE opportunity SET amount = 1 WHERE name IN (SELECT 'o' || i FROM generate_series($1::int, $2::int) i)`,
	}
	s.run(`CREATE INDEX ON account (name)`)
	s.run(`CREATE INDEX ON contact (lastname)`)
	s.run(`CREATE INDEX ON opportunity (name)`)
	s.run(`BEGIN`)
	for _, list := range [][]string{inserts, updates} {
		for i := 0; i < n/2/rows; i++ {
			s.run(list[i%3], i*rows+1, (i+1)*rows)
		}
	}
	s.run(`COMMIT`)
}
