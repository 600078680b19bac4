package reader_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox"
)

// byQueries is an org that tells how many pages were on their way at once.
type byQueries struct {
	reader.Org
	now, most atomic.Int64
	// spoil, if set, may come between.
	spoil func(n int64, soql string, p *salesforce.Page)
	n     atomic.Int64
}

func (o *byQueries) page(soql string, ask func() (salesforce.Page, error)) (salesforce.Page, error) {
	now := o.now.Add(1)
	defer o.now.Add(-1)
	for most := o.most.Load(); now > most && !o.most.CompareAndSwap(most, now); most = o.most.Load() {
	}
	p, err := ask()
	if n := o.n.Add(1); o.spoil != nil && err == nil {
		o.spoil(n, soql, &p)
	}
	return p, err
}

func (o *byQueries) Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error) {
	return o.page(soql, func() (salesforce.Page, error) { return o.Org.Query(ctx, soql, all, b) })
}

func (o *byQueries) More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error) {
	return o.page("", func() (salesforce.Page, error) { return o.Org.More(ctx, next, b) })
}

func (s *site) byQueries(streams int) *byQueries {
	o := &byQueries{Org: s.Org}
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: o, Settings: reader.Settings{QueryStreams: streams}})
	return o
}

// An object that is loaded by queries is read by several at once, which take
// hardly more calls than one.
func TestALoadByQueriesIsReadAtOnce(t *testing.T) {
	t.Parallel()
	const rows, pages = 21_500, 11
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", rows)
	before := s.One(form)
	s.Fault(`{"kind": "delay", "delayMs": 60, "path": "/query"}`)
	o := s.byQueries(5)
	calls := s.Calls()
	s.load(s.account)
	calls = s.Calls() - calls
	if o.most.Load() < 3 || calls > pages+6 {
		t.Errorf("%d pages at once, %d calls; one stream takes %d", o.most.Load(), calls, pages)
	}
	if diff := cmp.Diff(before, s.One(form)); diff != "" {
		t.Error(diff)
	}
	s.Faultless()
	s.equal(rows)
}

// Turns end anywhere; each next one goes on with every stretch where it was.
func TestStretchesGoOnWhereATurnEnded(t *testing.T) {
	t.Parallel()
	const rows = 21_500
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", rows)
	o := s.byQueries(5)
	turns := 0
	for done := false; !done; turns++ {
		ctx, cut := context.WithCancel(t.Context())
		more, pages := true, 0
		var err error
		done, err = s.LoadWhile(ctx, s.fence, s.account, func() bool { return more }, func(p reader.Progress) {
			switch pages++; {
			case turns%2 == 0 && pages == 2:
				more = false
			case turns%2 == 1 && pages == 2 && p.Index == "":
				cut()
			}
		})
		cut()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		s.fence = s.Fence("read", s.fence.Number+1)
	}
	if turns < 3 || o.n.Load() > 40 {
		t.Errorf("%d turns, %d pages", turns, o.n.Load())
	}
	s.equal(rows)
}

// A stretch whose pages held too few records is read again, and told of in the
// end.
func TestAShortStretchIsReadAgain(t *testing.T) {
	t.Parallel()
	const rows = 12_500
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", rows)
	o := s.byQueries(2)
	spoiled := false
	o.spoil = func(_ int64, soql string, p *salesforce.Page) {
		if strings.Contains(soql, "Id <= ") && !spoiled {
			spoiled = true
			p.Total++
		}
	}
	s.load(s.account)
	s.equal(rows)
	if !spoiled {
		t.Error("no stretch was short")
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	o.spoil = func(_ int64, soql string, p *salesforce.Page) {
		if strings.Contains(soql, "Id <= ") {
			p.Total++
		}
	}
	var short *reader.ShortError
	if _, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), nil); !errors.As(err, &short) {
		t.Errorf("pages that are always short: %v", err)
	}
}

// The Ids that divide a range are valid, in it, and in order.
func TestBetween(t *testing.T) {
	t.Parallel()
	id := rapid.Custom(func(t *rapid.T) string {
		tail := rapid.StringMatching(`[0-9A-Za-z]{12}`).Draw(t, "tail")
		full, err := record.ID18("001" + tail)
		if err != nil {
			t.Fatal(err)
		}
		return full
	})
	rapid.Check(t, func(t *rapid.T) {
		low, high := id.Draw(t, "low"), id.Draw(t, "high")
		n := rapid.IntRange(2, 8).Draw(t, "n")
		last := low
		for _, x := range reader.Between(low, high, n) {
			if again, err := record.ID18(x[:15]); err != nil || again != x || x <= last || x >= high || !strings.HasPrefix(x, "001") {
				t.Fatalf("%s between %s and %s: %v", x, last, high, err)
			}
			last = x
		}
	})
	if got := reader.Between("001000000000000AAA", "001000000000004AAA", 2); len(got) != 1 || !strings.HasPrefix(got[0], "001000000000002") {
		t.Error(got)
	}
	for _, bad := range []string{"", "x", "001-00000000000AAA"} {
		if got := reader.Between(bad, "001000000000004AAA", 3); got != nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}
