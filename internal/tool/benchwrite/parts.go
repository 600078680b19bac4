package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
)

func (b *bench) bulk(ctx context.Context) error {
	d, err := b.drain(ctx, "queued, Bulk", b.changes, mapping.ConnectionOptions{})
	if err == nil {
		b.judgeCalls(d, bulkCalls)
	}
	return err
}

func (b *bench) composed(ctx context.Context) error {
	d, err := b.drain(ctx, "queued, composed Collections", b.changes, mapping.ConnectionOptions{BulkWritesFrom: -1})
	if err == nil {
		b.judgeCalls(d, composedCalls)
	}
	return err
}

// drained is what it took to send what was queued: rows per second, and calls
// per 1,000.
type drained struct{ rate, writeCalls, readCalls float64 }

// drain queues changes while nothing is sent, and then sends them all.
func (b *bench) drain(ctx context.Context, what string, n int, o mapping.ConnectionOptions) (d drained, err error) {
	s, err := b.open(ctx, o)
	if err != nil {
		return d, err
	}
	defer s.close()
	if err := s.queue(ctx, n); err != nil {
		return d, fmt.Errorf("queue changes: %w", err)
	}
	p, took, err := s.drain(ctx)
	if err != nil {
		return d, err
	}
	if p.Sent != n || p.Failed > 0 {
		return d, fmt.Errorf("%d of %d changes were accepted, %d failed", p.Sent, n, p.Failed)
	}
	if err := s.check(ctx); err != nil {
		return d, err
	}
	if err := s.readBack(ctx); err != nil {
		return d, fmt.Errorf("read back: %w", err)
	}
	k := float64(n) / 1000
	d = drained{float64(n) / took.Seconds(), float64(s.calls("write")) / k, float64(s.calls(readBack)) / k}
	fmt.Printf("%-40s %8d changes  %6.0f/s  %5.2f write calls per 1,000  %5.2f read-back calls per 1,000\n",
		what, n, d.rate, d.writeCalls, d.readCalls)
	return d, nil
}

// baseline is what a program does that has no Syncline.
func (b *bench) baseline(ctx context.Context) error {
	for _, test := range []struct {
		what    string
		rows, n int
	}{{"baseline: one row per call", 1, b.changes / 50}, {"baseline: 200 rows per call, in turn", 200, b.changes / 5}} {
		took, err := b.plain(ctx, test.rows, test.n)
		if err != nil {
			return err
		}
		fmt.Printf("%-40s %8d changes  %6.0f/s  %7.2f write calls per 1,000\n", test.what, test.n, float64(test.n)/took.Seconds(), 1000/float64(test.rows))
	}
	return nil
}

// plain upserts n accounts, so many per call.
func (b *bench) plain(ctx context.Context, rows, n int) (time.Duration, error) {
	s, err := b.open(ctx, mapping.ConnectionOptions{})
	if err != nil {
		return 0, err
	}
	defer s.close()
	start := time.Now()
	for i := 0; i < n; i += rows {
		req := salesforce.WriteRequest{Op: salesforce.Upsert, Object: "Account", ExternalIDField: "External_ID__c"}
		for j := i; j < min(i+rows, n); j++ {
			req.Records = append(req.Records, json.RawMessage(fmt.Sprintf(
				`{"attributes":{"type":"Account"},"External_ID__c":"a%[1]d","Name":"a%[1]d","AnnualRevenue":%[1]d}`, j)))
		}
		if _, err := s.client.Write(ctx, req); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// parallel adds a delay to each call of the org.
func (b *bench) parallel(ctx context.Context) error {
	b.slow = true
	defer func() { b.slow = false }()
	var plain, parallel []float64
	for _, test := range []struct{ rows, n int }{{1, 20}, {200, 4000}} {
		took, err := b.plain(ctx, test.rows, test.n)
		if err != nil {
			return err
		}
		plain = append(plain, float64(test.n)/took.Seconds())
		fmt.Printf("%-40s %8d changes  %6.0f/s\n", fmt.Sprintf("%v more per call, %d rows per call in turn", b.delay, test.rows),
			test.n, plain[len(plain)-1])
	}
	for _, calls := range []int{1, 2, 4, 8} {
		what := fmt.Sprintf("%v more per call, %d calls at once", b.delay, calls)
		d, err := b.drain(ctx, what, b.changes/5, mapping.ConnectionOptions{BulkWritesFrom: -1, ParallelWrites: calls})
		if err != nil {
			return err
		}
		parallel = append(parallel, d.rate)
	}
	b.judgeGrowth(plain[0], plain[1], parallel)
	return nil
}

// latency lets changes come one by one, each in its own transaction.
func (b *bench) latency(ctx context.Context) error {
	s, err := b.open(ctx, mapping.ConnectionOptions{})
	if err != nil {
		return err
	}
	defer s.close()
	const rows = 1000
	if err := s.queue(ctx, 6*rows); err != nil {
		return err
	}
	if _, _, err := s.drain(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.latencies = nil
	s.mu.Unlock()
	n, err := s.live(ctx, b.rate, b.live, rows)
	if err != nil {
		return err
	}
	slices.Sort(s.latencies)
	if len(s.latencies) < n {
		return fmt.Errorf("%d of %d changes were accepted", len(s.latencies), n)
	}
	at := func(q float64) time.Duration {
		return s.latencies[int(q*float64(len(s.latencies)-1))].Round(time.Millisecond)
	}
	fmt.Printf("%d changes/s, commit to accepted            %d changes: p50 %v, p99 %v, longest %v\n", b.rate, n, at(.5), at(.99), at(1))
	b.judge(at(.5) <= latencyP50 && at(.99) <= latencyP99, "half of them within %v, 99 of 100 within %v", latencyP50, latencyP99)
	return nil
}

// live changes rows at a rate while the writer is woken by notifications.
func (s *site) live(ctx context.Context, rate int, d time.Duration, rows int) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	woken := make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.db.Listen(ctx, schema.Channel("salesforce"), func(string) {
			select {
			case woken <- struct{}{}:
			default:
			}
		}, nil)
	})
	g.Go(func() error { return s.sendWhile(ctx, woken) })
	n := 0
	g.Go(func() (err error) {
		defer cancel()
		n, err = s.change(ctx, rate, d, rows)
		for err == nil {
			var left int
			if left, err = s.unsent(ctx); left == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		return err
	})
	return n, g.Wait()
}

// sendWhile sends until ctx ends, as a turn does.
func (s *site) sendWhile(ctx context.Context, woken <-chan struct{}) error {
	for ctx.Err() == nil {
		if _, err := s.writer.Drain(ctx, s.fence, time.Now().Add(15*time.Second)); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-woken:
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

// change updates one row at a time until d has passed, and counts.
func (s *site) change(ctx context.Context, rate int, d time.Duration, rows int) (int, error) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	sql := []string{
		`UPDATE salesforce.account SET annualrevenue = $1 WHERE name = 'a' || ($2::int)`,
		`UPDATE salesforce.contact SET phone = $1::int::text WHERE lastname = 'c' || ($2::int)`,
		`UPDATE salesforce.opportunity SET amount = $1 WHERE name = 'o' || ($2::int)`,
	}
	n := 0
	for start := time.Now(); time.Since(start) < d; n++ {
		if _, err := s.db.Pool().Exec(ctx, sql[n%3], n+2, n/3%rows+1); err != nil {
			return n, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
	return n, nil
}
