package reader

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// stretch is a range of Ids that a load by queries reads with a query of its
// own, beside others.
type stretch struct {
	// From and UpTo are its bounds, the first one not in it; UpTo is "" for the
	// last stretch.
	From string `json:"from"`
	UpTo string `json:"up_to,omitempty"`
	// After is the Id that it has come to, Rows how many records that took.
	After string `json:"after"`
	Rows  int    `json:"rows,omitempty"`
}

// stretchesMark is the place in a load that was cut into stretches: those that
// are not through.
type stretchesMark struct {
	Open []stretch `json:"open"`
}

func (s *stretchesMark) clone() *stretchesMark { return &stretchesMark{Open: slices.Clone(s.Open)} }

// pagesPerStretch is how many pages make a stretch of its own worth the call
// that its last, partly filled page costs.
const pagesPerStretch = 2

// cut divides what a load by queries has still to read into stretches of Ids,
// for streams of their own. It costs one call, for the greatest Id; nothing is
// cut where that would bring little.
func (l *load) cut(ctx context.Context, pageRows int) error {
	n := min((l.total-l.read)/(pageRows*pagesPerStretch), l.r.settings.QueryStreams)
	if n < 2 {
		return nil
	}
	greatest := l.r.pages(l.table)
	b := record.NewBatch(idLayout())
	if _, err := greatest.fetch(ctx, b, lastIDQuery(l.table, l.mark.LastID), loadAll(l.table)); err != nil {
		return fmt.Errorf("ask for the greatest Id: %w", err)
	}
	if b.Len() == 0 {
		return nil
	}
	mark, from := &stretchesMark{}, l.mark.LastID
	greatestID, _ := last(b)
	for _, upTo := range append(between(from, greatestID, n), "") {
		mark.Open = append(mark.Open, stretch{From: from, UpTo: upTo, After: from})
		from = upTo
	}
	l.mark.detail.Stretches = mark // stored with the next page
	return nil
}

// idDigits are those of an Id in their order.
const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// between gives n-1 Ids that divide the range between two Ids of an object into
// n equal parts, as far as they differ; they need not be Ids of records.
func between(low, high string, n int) []string {
	a, b := idNumber(low), idNumber(high)
	if a == nil || b == nil || a.Cmp(b) >= 0 {
		return nil
	}
	var out []string
	for i := 1; i < n; i++ {
		x := new(big.Int).Sub(b, a)
		x.Mul(x, big.NewInt(int64(i)))
		x.Div(x, big.NewInt(int64(n)))
		id, err := record.ID18(idOf(x.Add(x, a)))
		if err == nil && !slices.Contains(out, id) && id != low {
			out = append(out, id)
		}
	}
	return out
}

// idNumber reads the 15 significant characters of an Id; nil if it is none.
func idNumber(id string) *big.Int {
	if len(id) < 15 {
		return nil
	}
	n := new(big.Int)
	for _, c := range id[:15] {
		d := strings.IndexRune(idDigits, c)
		if d < 0 {
			return nil
		}
		n.Mul(n, big.NewInt(int64(len(idDigits))))
		n.Add(n, big.NewInt(int64(d)))
	}
	return n
}

func idOf(n *big.Int) string {
	out := make([]byte, 15)
	rest, digit, base := new(big.Int).Set(n), new(big.Int), big.NewInt(int64(len(idDigits)))
	for i := len(out) - 1; i >= 0; i-- {
		rest.DivMod(rest, base, digit)
		out[i] = idDigits[digit.Int64()]
	}
	return string(out)
}

// stretches reads the stretches of a load, several at once.
type stretches struct {
	*load
	came  chan stretchPage
	group sync.WaitGroup
	open  int
	// busy are the stretches that a stream reads, by their beginning.
	busy map[string]bool
}

// stretchPage is a page of a stretch. The stream waits until it is applied, and
// goes on if it is told so.
type stretchPage struct {
	page
	stretch stretch
	goOn    chan<- bool
}

// runStretches reads what is open of a load's stretches.
func (l *load) runStretches(ctx context.Context, more func() bool) error {
	reading, stop := context.WithCancel(ctx)
	s := &stretches{load: l, came: make(chan stretchPage), busy: map[string]bool{}}
	defer s.group.Wait()
	defer stop()
	for first := true; ; first = false {
		if first || more() {
			s.start(reading)
		}
		if s.open == 0 {
			break
		}
		select {
		case p := <-s.came:
			if goOn, err := s.take(ctx, p, more); err != nil || !goOn {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if len(l.mark.detail.Stretches.Open) > 0 {
		return nil // the turn is over
	}
	if dressed, err := l.dress(ctx, more); err != nil || !dressed {
		return err
	}
	return l.commit(ctx, nil, l.mark.loaded())
}

// start has every open stretch read that is not yet, as far as streams go.
func (s *stretches) start(ctx context.Context) {
	for _, x := range s.mark.detail.Stretches.Open {
		if s.open == s.r.settings.QueryStreams {
			return
		}
		if !s.busy[x.From] {
			s.busy[x.From] = true
			s.open++
			s.group.Go(func() { s.read(ctx, x) })
		}
	}
}

// read sends the pages of a stretch until it is through, or told to end.
func (s *stretches) read(ctx context.Context, x stretch) {
	list, b := s.r.pages(s.table), record.NewBatch(s.table.Layout)
	goOn := make(chan bool, 1)
	for {
		done, err := list.fetch(ctx, b, stretchQuery(s.table, x), loadAll(s.table))
		if list.started && salesforce.CursorExpired(err) {
			list.begin()
			continue
		}
		select {
		case s.came <- stretchPage{page: page{b, done, err}, stretch: x, goOn: goOn}:
		case <-ctx.Done():
			return
		}
		select {
		case yes := <-goOn:
			if !yes {
				return
			}
		case <-ctx.Done():
			return
		}
		x.After, _ = last(b)
	}
}

// take applies a page and moves its stretch's mark, in one transaction (I8). It
// returns false if the turn is over before that.
func (s *stretches) take(ctx context.Context, p stretchPage, more func() bool) (bool, error) {
	ended := func() {
		s.open--
		delete(s.busy, p.stretch.From)
		p.goOn <- false
	}
	if p.err != nil {
		ended()
		return s.again(ctx, p, more)
	}
	next := s.mark
	next.detail.Stretches = next.detail.Stretches.clone()
	open := next.detail.Stretches.Open
	i := slices.IndexFunc(open, func(x stretch) bool { return x.From == p.stretch.From })
	if p.batch.Len() > 0 {
		open[i].After, _ = last(p.batch)
		open[i].Rows += p.batch.Len()
		next.Rows += int64(p.batch.Len())
		next.Bytes += int64(p.batch.Size())
	}
	if p.done {
		next.detail.Stretches.Open = slices.Delete(open, i, i+1)
	}
	if goOn, err := s.put(ctx, p.batch, next, more); err != nil || !goOn {
		return false, err
	}
	if p.done || !more() {
		ended()
	} else {
		p.goOn <- true
	}
	return true, nil
}

// again has a stretch whose pages did not hold all of its records read from its
// beginning.
func (s *stretches) again(ctx context.Context, p stretchPage, more func() bool) (bool, error) {
	if _, short := errors.AsType[*ShortError](p.err); !short {
		return false, p.err
	}
	// Rows that are there already will come again.
	if dressed, err := s.dress(ctx, more); err != nil || !dressed {
		return false, err
	}
	next := s.mark
	next.detail.Stretches = next.detail.Stretches.clone()
	open := next.detail.Stretches.Open
	x := &open[slices.IndexFunc(open, func(x stretch) bool { return x.From == p.stretch.From })]
	next.Rows -= int64(x.Rows)
	x.After, x.Rows = x.From, 0
	short := next.detail.Short + 1
	next.detail.Short = short % maxShort
	if err := s.storeMark(ctx, next); err != nil {
		return false, errors.Join(p.err, err)
	}
	if short >= maxShort {
		return false, p.err
	}
	return true, nil
}
