package budget

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// counted is what would count if the ledger's process died now.
func (b *book) counted() int64 {
	n := b.total()
	b.mu.Lock()
	defer b.mu.Unlock()
	return n + b.block
}

func (b *book) saved() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.times
}

// Whenever the process dies, all calls that were made count, and at most a
// block more.
func TestReservationCoversEveryCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sink := &book{}
		l := NewLedger(uuid.New(), sink, nil)
		ctx := context.Background()
		var (
			made  int64
			under []func()
		)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"call", "call", "call", "begin", "end", "flush", "tick", "lose an answer"}).Draw(t, "step") {
			case "call":
				end := l.Begin(ctx)
				made++
				if n := sink.counted(); n < made {
					t.Fatalf("%d calls would count of %d", n, made)
				}
				l.Charge(Use{Kind: "query"})
				end()
			case "begin":
				if len(under) < 20 {
					under = append(under, l.Begin(ctx))
				}
			case "end":
				if len(under) > 0 {
					l.Charge(Use{Kind: "query"})
					made++
					under[0]()
					under = under[1:]
				}
			case "flush":
				_ = l.Flush(ctx)
			case "lose an answer":
				sink.setMute()
				_ = l.Flush(ctx) // has an error only if something was pending
				sink.setDown(false)
			case "tick":
				l.restIfIdle()
				_ = l.Flush(ctx)
			}
			if n := sink.counted(); n < made || n > made+Block+callRoom*20 {
				t.Fatalf("%d calls would count, %d were made", n, made)
			}
		}
	})
}

func TestReservationIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &book{}
		l := NewLedger(uuid.New(), sink, nil)
		l.Start(t.Context())
		for range 3 {
			end := l.Begin(t.Context())
			l.Charge(Use{Kind: "query"})
			end()
		}
		if sink.counted() != Block || sink.saved() != 1 {
			t.Errorf("%d would count after %d saves", sink.counted(), sink.saved())
		}
		time.Sleep(3*FlushEvery + time.Millisecond)
		synctest.Wait()
		if sink.counted() != 3 || sink.saved() != 3 {
			t.Errorf("at rest %d would count after %d saves", sink.counted(), sink.saved())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if sink.saved() != 3 {
			t.Errorf("%d saves at rest", sink.saved()-3)
		}
		end := l.Begin(t.Context())
		end()
		if err := l.Stop(t.Context()); err != nil || sink.counted() != 3 {
			t.Errorf("%d would count after the end, %v", sink.counted(), err)
		}
	})
}

func TestReservationsAtOnce(t *testing.T) {
	t.Parallel()
	sink := &book{}
	l := NewLedger(uuid.New(), sink, nil)
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			for range 100 {
				end := l.Begin(t.Context())
				l.Charge(Use{Kind: "query"})
				end()
			}
		})
	}
	calls.Wait()
	if n := sink.counted(); n < 1000 || n > 1000+Block+callRoom*10 {
		t.Errorf("%d would count", n)
	}
}

func TestNoReservationHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	sink := &book{}
	sink.setDown(true)
	l := NewLedger(uuid.New(), sink, nil)
	for range 3 {
		end := l.Begin(t.Context())
		l.Charge(Use{Kind: "query"})
		end()
	}
	sink.setDown(false)
	if err := l.Flush(t.Context()); err != nil || sink.total() != 3 {
		t.Errorf("%d counted, %v", sink.total(), err)
	}
}
