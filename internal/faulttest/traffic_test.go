//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// pace is the pause between two edits on one side. Both sides together make
// some 16 edits a second: enough for something to be under way at any time.
const pace = 120 * time.Millisecond

// traffic edits both sides of a site at once until it is stopped. Some columns
// are edited by both sides, some by one only: of these it remembers the last
// value, which must be there in the end.
type traffic struct {
	s *site
	// keyless also inserts rows without a unique identifier.
	keyless bool
	// families, if set, also makes rows that name their parents by row.
	families *families
	// rough: the database may go away; an edit that fails is no fault of ours.
	rough bool

	stop  context.CancelFunc
	sides sync.WaitGroup
	local atomic.Int64 // edits made
	other atomic.Int64

	// Each is written by one side's goroutine and read when both have ended.
	made  map[string]*insert    // local inserts by key
	ours  map[place]string      // last values of columns that only Postgres edits
	their map[string]string     // last Fax by sfid, which only the org edits
	ids   map[string][]string   // records of the org, by object
	rnd   map[string]*rand.Rand // by side
}

// insert is a row that was inserted in Postgres.
type insert struct {
	object string
	// certain: the commit was answered. gone: the row was deleted again.
	certain, gone bool
}

// place is a value of one row in Postgres.
type place struct {
	table, column string
	id            int32
}

// startTraffic begins to edit. Postgres is edited from when the tables exist.
func (s *site) startTraffic(change ...func(*traffic)) *traffic {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	x := &traffic{
		s: s, stop: stop, made: map[string]*insert{}, ours: map[place]string{}, their: map[string]string{}, ids: map[string][]string{},
		rnd: map[string]*rand.Rand{"local": rand.New(rand.NewPCG(s.seed, 1)), "other": rand.New(rand.NewPCG(s.seed, 2))},
	}
	for _, f := range change {
		f(x)
	}
	user, err := s.signIn(ctx)
	s.must(err)
	for _, object := range objects {
		x.ids[object], err = user.ids(ctx, object)
		s.must(err)
	}
	s.edits = x
	// An edit that was begun is ended: of one that is broken off nobody knows.
	x.sides.Go(func() { x.run(ctx, &x.local, func(n int64) error { return x.editHere(s.Context(), n) }) })
	x.sides.Go(func() { x.run(ctx, &x.other, func(n int64) error { return x.editThere(s.Context(), user, n) }) })
	x.sides.Go(func() { x.watch(ctx) })
	s.Cleanup(x.end)
	return x
}

// watch reads Fax, which the org only edits and whose number only grows: who
// reads the table never sees a row go back (I4).
func (x *traffic) watch(ctx context.Context) {
	newest := map[string]int{}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		rows, _ := x.s.app.Query(ctx, `SELECT sfid, substr(fax, 5)::int FROM account WHERE fax LIKE 'fax-%'`)
		var (
			sfid string
			n    int
		)
		_, err := pgx.ForEachRow(rows, []any{&sfid, &n}, func() error {
			if n < newest[sfid] {
				x.s.finds(&x.s.wrong.disorder, "account %s went back from Fax %d to %d", sfid, newest[sfid], n)
			}
			newest[sfid] = max(n, newest[sfid])
			return nil
		})
		if err != nil {
			continue // there is no table yet, or no database for the moment
		}
	}
}

func withoutKeys(x *traffic) { x.keyless = true }
func rough(x *traffic)       { x.rough = true }

// end stops the edits, after the ones under way.
func (x *traffic) end() {
	x.stop()
	x.sides.Wait()
}

// onward waits until so many more edits were made on each side.
func (x *traffic) onward(n int64) {
	x.s.Helper()
	here, there := x.local.Load(), x.other.Load()
	eventually(x.s.TB, 2*time.Minute, "edits on both sides", func(context.Context) error {
		if x.s.Failed() {
			x.s.FailNow() // an edit did, and no more will come
		}
		if x.local.Load() < here+n || x.other.Load() < there+n {
			return fmt.Errorf("%d in Postgres, %d in the org", x.local.Load()-here, x.other.Load()-there)
		}
		return nil
	})
}

func (x *traffic) run(ctx context.Context, count *atomic.Int64, edit func(n int64) error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := int64(0); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := edit(n)
		switch {
		case err == nil:
			count.Add(1)
		case x.s.Context().Err() != nil, errors.Is(err, errNotYet), x.rough:
		default:
			x.s.Errorf("edit %d: %v", n, err)
			return
		}
	}
}

// errNotYet: there is nothing yet that could be edited.
var errNotYet = errors.New("not yet")

// editThere makes one edit in the org.
func (x *traffic) editThere(ctx context.Context, u *orgUser, n int64) error {
	r := x.rnd["other"]
	err := x.draw(r, []choice{
		{30, func() error {
			id, fax := pick(r, x.ids["Account"]), fmt.Sprintf("fax-%d", n)
			err := u.update(ctx, "Account", id, map[string]any{"Fax": fax})
			if err == nil {
				x.their[id] = fax
			}
			return err
		}},
		{20, func() error {
			return u.update(ctx, "Account", pick(r, x.ids["Account"]), map[string]any{"Phone": fmt.Sprintf("there %d", n)})
		}},
		{15, func() error {
			return u.update(ctx, "Contact", pick(r, x.ids["Contact"]), map[string]any{"Title": fmt.Sprintf("Chief %d", n)})
		}},
		{10, func() error {
			return u.update(ctx, "Opportunity", pick(r, x.ids["Opportunity"]), map[string]any{"NextStep": fmt.Sprintf("Call %d", n)})
		}},
		{15, func() error {
			_, err := u.create(ctx, "Contact", map[string]any{"LastName": fmt.Sprintf("there-%d", n), "External_ID__c": fmt.Sprintf("there-%d", n)})
			return err
		}},
		{5, func() error { return u.remove(ctx, "Contact", pick(r, x.ids["Contact"])) }},
		{5, func() error { return u.remove(ctx, "Opportunity", pick(r, x.ids["Opportunity"])) }},
	})
	if r, ok := errors.AsType[*refusal](err); ok && r.lostRace() {
		return nil
	}
	return err
}

// choice is an edit and how often it is drawn.
type choice struct {
	weight int
	do     func() error
}

func (x *traffic) draw(r *rand.Rand, list []choice) error {
	sum := 0
	for _, c := range list {
		sum += c.weight
	}
	at := r.IntN(sum)
	for _, c := range list {
		if at -= c.weight; at < 0 {
			return c.do()
		}
	}
	return nil
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }
