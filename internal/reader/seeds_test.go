package reader_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/judge"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// TestSeeds plays an org's life against the reader: every way of changing and
// deleting records, transactions that become visible up to ten minutes after
// their stamp, thousands of rows on one stamp, faults, small pages, cursors that
// expire, turns that are cut short, loads that begin anew. After quiet both
// judges find no difference. SYNCLINE_READ_SEEDS says how many lives; 4 if it
// says nothing. `make seeds` plays a hundred.
func TestSeeds(t *testing.T) {
	t.Parallel()
	seeds, err := strconv.ParseUint(os.Getenv("SYNCLINE_READ_SEEDS"), 10, 64)
	if err != nil {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			l := newLife(t, seed)
			l.play(50)
			l.rest()
			l.compare()
		})
	}
}

// life is an org of accounts and their contacts, and a reader of both.
type life struct {
	*site
	contact *mapping.Table
	rand    *rand.Rand
	// there and binned are Ids by object.
	there, binned map[string][]string
	open          *org.Tx
	openFor       time.Duration
	n             int
}

func newLife(t *testing.T, seed uint64) *life {
	t.Helper()
	l := &life{
		site: newSite(t, sandbox.Options{Seed: seed + 1}), rand: rand.New(rand.NewPCG(seed, 11)),
		there: map[string][]string{}, binned: map[string][]string{},
	}
	l.contact = l.Table("Contact", "External_ID__c", "LastName", "Title", "AccountId", "External_ID__c")
	settings := prompt
	settings.BulkFrom = []int{-1, 1}[l.rand.IntN(2)]
	settings.BulkPageRows = 40
	settings.BulkIDsFrom = []int{1, 1 << 30}[l.rand.IntN(2)]
	settings.DeletedEvery = []time.Duration{-1, time.Nanosecond}[l.rand.IntN(2)]
	l.Reader = l.reader(settings)
	coin := func() bool { return l.rand.IntN(2) == 0 }
	l.Sandbox.Org.SetSwitches(org.Switches{
		PageRows: 20 + l.rand.IntN(60), LocatorSeconds: 3600, ShrinkWidePages: coin(), SilentLookupClear: coin(), MinuteReplication: coin(),
	})
	rows := 60
	if seed%5 == 0 { // more than a page of any API on one stamp, later on
		rows = 5200
		l.Sandbox.Org.SetSwitches(org.Switches{LocatorSeconds: 3600})
	}
	l.insert("Account", rows)
	l.insert("Contact", 40)
	return l
}

// insert makes records in one transaction, so that they have one stamp.
func (l *life) insert(object string, n int) {
	l.Helper()
	var ids []string
	l.Tx(func(tx *org.Tx) error {
		for range n {
			id, err := tx.Insert(l.Object(object), l.body(object))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	l.there[object] = append(l.there[object], ids...)
}

func (l *life) body(object string) org.Body {
	l.n++
	if object == "Account" {
		return sitetest.Body("Name", fmt.Sprint("account ", l.n), "Phone", fmt.Sprint(l.rand.IntN(1000)), "NumberOfEmployees", json.Number(strconv.Itoa(l.rand.IntN(1000))))
	}
	b := []any{"LastName", fmt.Sprint("contact ", l.n), "Title", fmt.Sprint(l.rand.IntN(1000))}
	if all := l.there["Account"]; len(all) > 0 && l.rand.IntN(3) > 0 {
		b = append(b, "AccountId", all[l.rand.IntN(len(all))])
	}
	return sitetest.Body(b...)
}

func (l *life) play(steps int) {
	l.trouble()
	for range steps {
		object := []string{"Account", "Contact"}[l.rand.IntN(2)]
		l.change(object)
		if l.rand.IntN(3) == 0 {
			l.pass(time.Duration(l.rand.IntN(90)) * time.Second)
		}
		if l.rand.IntN(15) == 0 {
			l.forget()
		}
		l.read()
	}
}

// trouble puts the faults of one life in force.
func (l *life) trouble() {
	for _, f := range []string{
		`{"kind":"html","path":"/query","probability":0.08,"seed":%d}`,
		`{"kind":"cut_body","bytes":700,"path":"/query","probability":0.08,"seed":%d}`,
		`{"kind":"cut_gzip","path":"/query|/jobs","probability":0.05,"seed":%d}`,
		`{"kind":"drop_after","path":"/jobs","probability":0.05,"seed":%d}`,
		`{"kind":"status","status":400,"code":"INVALID_QUERY_LOCATOR","path":"/0r8","probability":0.1,"seed":%d}`,
		`{"kind":"session","end":true,"path":"/query","probability":0.03,"seed":%d}`,
	} {
		if l.rand.IntN(2) == 0 {
			l.Fault(fmt.Sprintf(f, l.rand.Uint64()>>1))
		}
	}
}

// pass lets the org's time go by; a transaction lasts ten minutes at most.
func (l *life) pass(d time.Duration) {
	if l.open != nil {
		if l.openFor+d > 590*time.Second {
			l.commitLate()
		}
		l.openFor += d
	}
	l.Sandbox.Org.Clock.Step(d)
}

// change makes one change of the org.
func (l *life) change(object string) {
	l.Helper()
	obj := l.Object(object)
	switch k := l.rand.IntN(20); {
	case k < 4:
		l.insert(object, 1+l.rand.IntN(3))
	case k < 9:
		l.try(func(tx *org.Tx) error { return tx.Update(obj, l.pick(object), l.body(object)) })
	case k < 12:
		l.remove(obj, false)
	case k < 14:
		l.remove(obj, true)
	case k < 15 && len(l.binned[object]) > 0:
		i := l.rand.IntN(len(l.binned[object]))
		id := l.binned[object][i]
		if l.try(func(tx *org.Tx) error { return tx.Undelete(obj, id) }) {
			l.binned[object] = slices.Delete(l.binned[object], i, i+1)
			l.there[object] = append(l.there[object], id)
		}
	case k < 16:
		l.merge(obj)
	case k < 17: // all on one stamp
		l.try(func(tx *org.Tx) error {
			for _, id := range l.there[object] {
				if err := tx.Update(obj, id, sitetest.Body(map[string]string{"Account": "Phone", "Contact": "Title"}[object], fmt.Sprint("mass ", l.n))); err != nil {
					return err
				}
			}
			return nil
		})
	case l.open != nil:
		l.commitLate()
	default:
		l.open, l.openFor = l.Sandbox.Org.Begin(l.Actor()), 0
		if _, err := l.open.Insert(l.Object("Account"), sitetest.Body("Name", "late")); err != nil {
			l.Fatal(err)
		}
	}
}

func (l *life) commitLate() {
	l.Helper()
	if err := l.open.Commit(); err != nil {
		l.Fatal(err)
	}
	l.open = nil
}

func (l *life) pick(object string) string {
	all := l.there[object]
	if len(all) == 0 {
		return ""
	}
	return all[l.rand.IntN(len(all))]
}

// try runs a transaction that the org may refuse: the record went with its
// parent, or another transaction holds it.
func (l *life) try(fn func(tx *org.Tx) error) bool {
	tx := l.Sandbox.Org.Begin(l.Actor())
	defer tx.Rollback()
	return fn(tx) == nil && tx.Commit() == nil
}

// remove deletes a record, and takes it out of the bin too if it is for good.
func (l *life) remove(obj *schema.Object, forGood bool) {
	id := l.pick(obj.Name)
	if !l.try(func(tx *org.Tx) error { return tx.Delete(obj, id) }) {
		return
	}
	l.there[obj.Name] = slices.DeleteFunc(l.there[obj.Name], func(x string) bool { return x == id })
	if forGood && l.try(func(tx *org.Tx) error { return tx.Purge(obj, id) }) {
		return
	}
	l.binned[obj.Name] = append(l.binned[obj.Name], id)
}

func (l *life) merge(obj *schema.Object) {
	winner, loser := l.pick(obj.Name), l.pick(obj.Name)
	if winner != loser && l.try(func(tx *org.Tx) error { return tx.Merge(obj, winner, []string{loser}) }) {
		l.there[obj.Name] = slices.DeleteFunc(l.there[obj.Name], func(x string) bool { return x == loser })
	}
}

// forget has a mapping loaded anew.
func (l *life) forget() {
	t := []*mapping.Table{l.account, l.contact}[l.rand.IntN(2)]
	if err := l.Restart(l.Context(), l.fence, t); err != nil {
		l.Fatal(err)
	}
}

// read takes a turn or two, which may be cut short at any moment.
func (l *life) read() {
	ctx, cancel := context.WithCancel(l.Context())
	if l.rand.IntN(4) == 0 {
		ctx, cancel = context.WithTimeout(l.Context(), time.Duration(l.rand.IntN(30))*time.Millisecond)
	}
	defer cancel()
	until := time.Now().Add(time.Duration(l.rand.IntN(50)) * time.Millisecond)
	tables := []*mapping.Table{l.account, l.contact}
	polled, err := l.Marks(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	var live []*mapping.Table
	for _, t := range tables {
		if m, known := polled[t.Mapping.ID]; known && m.Phase == reader.Poll {
			live = append(live, t)
			continue
		}
		_, _ = l.Load(ctx, l.fence, t, until, nil)
	}
	_, _ = l.Poll(ctx, l.fence, live, reader.PollOptions{All: true, Sweep: l.rand.IntN(4) == 0, Until: until})
	if l.rand.IntN(6) == 0 {
		_, _ = l.Reconcile(ctx, l.fence, live, reader.ReconcileOptions{Force: l.rand.IntN(2) == 0})
	}
}

// rest ends what is open and all faults, and reads as time would have it.
func (l *life) rest() {
	l.Helper()
	if l.open != nil {
		l.commitLate()
	}
	l.Faultless()
	l.pass(2 * time.Second)
	tables := []*mapping.Table{l.account, l.contact}
	for range 100 {
		marks, err := l.Marks(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		for _, t := range tables {
			if m, known := marks[t.Mapping.ID]; !known || m.Phase != reader.Poll {
				l.load(t)
			}
		}
		if len(marks) == len(tables) {
			break
		}
	}
	for round := range 60 {
		res, err := l.Poll(l.Context(), l.fence, tables, reader.PollOptions{All: true, Sweep: true})
		if err != nil {
			l.Fatal(err)
		}
		for _, m := range res.Mappings {
			if m.Err != nil {
				l.Errorf("poll: %v", m.Err)
			}
		}
		list, err := l.Reconcile(l.Context(), l.fence, tables, reader.ReconcileOptions{Force: round < 2})
		if err != nil {
			l.Fatal(err)
		}
		waits := false
		for _, r := range list {
			if r.Err != nil {
				l.Errorf("reconcile: %v", r.Err)
			}
			waits = waits || r.Waiting
		}
		if !waits && round > 2 {
			return
		}
		time.Sleep(10 * time.Millisecond) // the org works on a job
	}
	l.Error("the Ids were not compared to the end")
}

// compare asks both judges.
func (l *life) compare() {
	l.Helper()
	tables := []*mapping.Table{l.account, l.contact}
	r, err := verify.Run(l.Context(), verify.Config{Connection: l.Connection, DB: l.DB, Org: l.Org}, tables, verify.Options{Confirm: time.Millisecond})
	if err != nil || !r.Equal() {
		l.Errorf("verify: %+v, %v", r, err)
	}
	control := judge.Control{URL: l.Sandbox.URL()}
	writes, err := control.Writes(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	defer writes.Close()
	report, err := judge.Judge(l.Context(), judge.Input{
		Database: l.DSN(), Schema: "salesforce", Dump: control.Dump, Writes: writes,
		Config: bytes.NewReader(mapping.Export(l.Connection, []mapping.Mapping{l.account.Mapping, l.contact.Mapping}, time.Now())),
	})
	if err != nil || !report.Equal() || report.Pending > 0 {
		l.Errorf("second judge: %+v, %v", report, err)
	}
}
