package budget

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var errDown = errors.New("control store is down")

// book is a sink for one ledger that adds up, and that can be down or lose its
// answers.
type book struct {
	mu    sync.Mutex
	down  bool
	mute  bool            // what is stored is not said to be
	calls map[Count]int64 // by use, Calls 0
	seq   int64
	block int64 // what is reserved
	times int
	usage []Usage
}

func (b *book) SetUsage(_ context.Context, _ uuid.UUID, u Usage) error {
	b.usage = append(b.usage, u)
	return nil
}

func (b *book) SaveCalls(ctx context.Context, s Save) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times++
	if b.down {
		return errDown
	}
	if s.Seq > b.seq {
		b.add(s)
	}
	if b.mute {
		return errDown
	}
	return ctx.Err()
}

func (b *book) add(s Save) {
	if b.calls == nil {
		b.calls = map[Count]int64{}
	}
	for _, c := range s.Counts {
		n := c.Calls
		c.Calls = 0
		b.calls[c] += n
	}
	b.seq, b.block = s.Seq, s.Block
}

func (b *book) total() (n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		n += c
	}
	return n
}

// setDown makes the sink fail or work; mute, store and not say so.
func (b *book) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down, b.mute = down, false
}

func (b *book) setMute() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down, b.mute = false, true
}

func TestLedgerCountsByUse(t *testing.T) {
	t.Parallel()
	sink := &book{}
	l := NewLedger(uuid.New(), sink, nil)
	for range 3 {
		l.Charge(Use{Kind: "query", Mapping: "Account", Purpose: "poll"})
	}
	l.Charge(Use{Kind: "collections", Mapping: "Account", Purpose: "write"})
	want := []Count{
		{Mapping: "Account", Kind: "collections", Purpose: "write", Calls: 1},
		{Mapping: "Account", Kind: "query", Purpose: "poll", Calls: 3},
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, l.Totals()); diff != "" {
		t.Error(diff)
	}
	if sink.total() != 4 || sink.times != 1 {
		t.Errorf("stored %d calls in %d statements, want 4 in 1", sink.total(), sink.times)
	}
}

func TestLedgerUsage(t *testing.T) {
	t.Parallel()
	sink := &book{}
	l := NewLedger(uuid.New(), sink, nil)
	if u := l.Org(); !u.At.IsZero() {
		t.Errorf("usage before any reply: %+v", u)
	}
	l.Usage(18, 15000)
	if u := l.Org(); u.Used != 18 || u.Max != 15000 || u.At.IsZero() {
		t.Errorf("usage = %+v", u)
	}
	for range 2 { // the second has nothing new
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(sink.usage) != 1 || sink.usage[0].Used != 18 {
		t.Errorf("stored %+v", sink.usage)
	}
}

// Whatever fails, and whenever, nothing is lost and nothing counted twice.
func TestLedgerKeepsEveryCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sink := &book{}
		l := NewLedger(uuid.New(), sink, nil)
		var charged int64
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"charge", "flush", "fail", "lose the answer"}).Draw(t, "step") {
			case "charge":
				l.Charge(Use{Kind: rapid.SampledFrom([]string{"query", "describe"}).Draw(t, "kind")})
				charged++
			case "flush":
				sink.setDown(false)
				if err := l.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				if sink.total() != charged {
					t.Fatalf("stored %d of %d", sink.total(), charged)
				}
			case "fail":
				sink.setDown(true)
				_ = l.Flush(context.Background()) // has an error only if something was pending
			case "lose the answer":
				sink.setMute()
				_ = l.Flush(context.Background()) // as above
			}
		}
		if l.Total() != charged {
			t.Fatalf("total %d, charged %d", l.Total(), charged)
		}
	})
}

func TestLedgerFlushTellsWhy(t *testing.T) {
	t.Parallel()
	l := NewLedger(uuid.New(), &book{down: true}, nil)
	l.Charge(Use{Kind: "query"})
	if err := l.Flush(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("error = %v, want %v", err, errDown)
	}
}

func TestLedgerFlushesInBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &book{}
		l := NewLedger(uuid.New(), sink, nil)
		l.Start(t.Context())
		l.Start(t.Context())
		l.Charge(Use{Kind: "query"})
		time.Sleep(FlushEvery + time.Millisecond)
		synctest.Wait()
		if sink.total() != 1 {
			t.Errorf("stored %d after a tick, want 1", sink.total())
		}
		sink.setDown(true)
		l.Charge(Use{Kind: "query"})
		time.Sleep(3 * FlushEvery)
		sink.setDown(false)
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if sink.total() != 2 {
			t.Errorf("stored %d after stop, want 2", sink.total())
		}
		l.Start(t.Context())
		l.Charge(Use{Kind: "query"})
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if sink.total() != 3 {
			t.Errorf("stored %d after start and stop again, want 3", sink.total())
		}
	})
}

// slow is a sink that stores what it is given when nobody waits any more, and
// then can't say so.
type slow struct {
	book
	begun, release chan struct{}
}

func (s *slow) SaveCalls(ctx context.Context, save Save) error {
	if s.begun != nil {
		close(s.begun)
		s.begun = nil
		<-s.release
	}
	return s.book.SaveCalls(ctx, save)
}

// A ledger that is stopped while it stores its counts stores them once.
func TestLedgerIsStoppedWhileItStores(t *testing.T) {
	t.Parallel()
	sink := &slow{begun: make(chan struct{}), release: make(chan struct{})}
	begun := sink.begun
	l := NewLedger(uuid.New(), sink, nil)
	l.Charge(Use{Kind: "query"})
	l.Start(t.Context())
	<-begun
	ended := make(chan error)
	go func() { ended <- l.Stop(t.Context()) }()
	for l.life.TryLock() { // until Stop has it
		l.life.Unlock()
		runtime.Gosched()
	}
	close(sink.release)
	if err := <-ended; err != nil || sink.total() != 1 {
		t.Errorf("stored %d, %v; want 1", sink.total(), err)
	}
}
