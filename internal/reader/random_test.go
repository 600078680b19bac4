package reader_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// TestConvergesWhateverHappens changes the org at random, among faults, small
// pages, turns that are cut short and rows that the application holds; after
// quiet both sides are equal.
func TestConvergesWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := &world{site: newSite(t, sandbox.Options{Seed: seed + 1}), rand: rand.New(rand.NewPCG(seed, 7))}
			w.Sandbox.Org.SetSwitches(org.Switches{PageRows: 7, LocatorSeconds: 3600})
			w.Seed("Account", 60)
			w.Fault(fmt.Sprintf(`{"kind":"html","path":"/query","probability":0.1,"seed":%d}`, seed))
			w.Fault(fmt.Sprintf(`{"kind":"cut_body","bytes":700,"path":"/query","probability":0.1,"seed":%d}`, seed))
			w.Fault(fmt.Sprintf(`{"kind":"status","status":400,"code":"INVALID_QUERY_LOCATOR","path":"/0r8","probability":0.1,"seed":%d}`, seed))
			w.draw(seed)
			w.Reader = w.reader(prompt)
			if seed%2 == 1 {
				w.Reader = w.reader(reader.Settings{ConfirmAfter: time.Nanosecond, DeletedEvery: time.Nanosecond, BulkIDsFrom: 20, ReconcileRange: 30})
			}
			w.live()
			w.quiet()
			r, err := verify.Run(t.Context(), verify.Config{Connection: w.Connection, DB: w.DB, Org: w.Org},
				w.tables(), verify.Options{Confirm: time.Millisecond})
			if err != nil || !r.Equal() || r.Mappings[0].Pending != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// draw chooses the mapping's options.
func (w *world) draw(seed uint64) {
	if seed%3 == 1 {
		w.account.Mapping.Options.Filter = "Name LIKE 'n1%' OR Name LIKE '%2' OR Name LIKE 'late%'"
	}
	if seed%4 == 3 {
		w.account.Mapping.Options.Deletes = mapping.KeepRow
	}
}

// seeds is how many worlds there are.
func seeds(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("SYNCLINE_READ_SEEDS"), "6"), 10, 32)
	if err != nil {
		t.Fatalf("SYNCLINE_READ_SEEDS: %v", err)
	}
	return n
}

type world struct {
	*site
	rand *rand.Rand
	ids  []string
	gone []string
	open *org.Tx // a transaction that commits late
}

func (w *world) live() {
	for range 60 {
		w.edit()
		if w.rand.IntN(3) == 0 {
			w.Sandbox.Org.Clock.Step(time.Duration(w.rand.IntN(20)) * time.Second)
		}
		if w.rand.IntN(8) == 0 { // whatever it finds, a person is not asked: all of it is few
			_, _ = w.Reconcile(w.Context(), w.fence, w.tables(), reader.ReconcileOptions{Force: w.rand.IntN(2) == 0})
		}
		if _, known := must(w.Marks(w.Context()))[w.account.Mapping.ID]; !known || w.mark().Phase == reader.Load {
			_, _ = w.Load(w.Context(), w.fence, w.account, time.Now().Add(time.Duration(w.rand.IntN(3))*time.Millisecond), nil)
			continue
		}
		w.pollHeld()
	}
}

// pollHeld polls, at times with a row in an open transaction of the
// application that changes nothing.
func (w *world) pollHeld() {
	if w.rand.IntN(3) > 0 {
		w.pollSome()
		return
	}
	app := w.App()
	defer func() { _ = app.Close(w.Context()) }()
	if _, err := app.PgConn().Exec(w.Context(), `BEGIN; SELECT FROM salesforce.account WHERE id % 3 = 0 FOR UPDATE`).ReadAll(); err != nil {
		w.Fatal(err)
	}
	w.pollSome()
}

func (w *world) pollSome() {
	o := reader.PollOptions{All: true, Sweep: w.rand.IntN(5) == 0}
	if w.rand.IntN(2) == 0 {
		o.Until = time.Now()
	}
	_, _ = w.Poll(w.Context(), w.fence, w.tables(), o)
}

// edit changes the org. Identifiers are few, so that records hand them on.
func (w *world) edit() {
	pick := func(of []string) (int, string) { i := w.rand.IntN(len(of)); return i, of[i] }
	name, ext := fmt.Sprint("n", w.rand.IntN(1000)), any(fmt.Sprint("e", w.rand.IntN(12)))
	if w.rand.IntN(2) == 0 {
		ext = nil
	}
	account := w.Object("Account")
	tx := w.Sandbox.Org.Begin(w.Actor())
	defer tx.Rollback()
	var err error
	switch k := w.rand.IntN(10); {
	case k < 3 || len(w.ids) == 0:
		var id string
		if id, err = tx.Insert(account, sitetest.Body("Name", name, "External_ID__c", ext)); err == nil {
			w.ids = append(w.ids, id)
		}
	case k < 7:
		_, id := pick(w.ids)
		err = tx.Update(account, id, sitetest.Body("Name", name, "External_ID__c", ext))
	case k < 8:
		i, id := pick(w.ids)
		if err = tx.Delete(account, id); err == nil {
			w.ids, w.gone = append(w.ids[:i:i], w.ids[i+1:]...), append(w.gone, id)
		}
	case k < 9 && len(w.gone) > 0:
		i, id := pick(w.gone)
		if err = tx.Undelete(account, id); err == nil {
			w.gone, w.ids = append(w.gone[:i:i], w.gone[i+1:]...), append(w.ids, id)
		}
	case w.rand.IntN(3) == 0:
		i, id := pick(w.ids)
		if err = tx.Purge(account, id); err == nil {
			w.ids = append(w.ids[:i:i], w.ids[i+1:]...)
		}
	case w.rand.IntN(3) == 0 && len(w.ids) > 2:
		i, id := pick(w.ids)
		if err = tx.Merge(account, w.ids[(i+1)%len(w.ids)], []string{id}); err == nil {
			w.ids = append(w.ids[:i:i], w.ids[i+1:]...)
		}
	default:
		w.late(name)
		return
	}
	if err == nil {
		err = tx.Commit()
	}
	_ = err // a clash of identifiers, which the org refuses
}

// late opens a transaction or commits the one that is open.
func (w *world) late(name string) {
	if w.open != nil {
		if err := w.open.Commit(); err != nil {
			w.Fatal(err)
		}
		w.open = nil
		return
	}
	w.open = w.Sandbox.Org.Begin(w.Actor())
	if _, err := w.open.Insert(w.Object("Account"), sitetest.Body("Name", "late "+name)); err != nil {
		w.Fatal(err)
	}
}

// quiet ends what is open, the faults, and polls as time would have it.
func (w *world) quiet() {
	if w.open != nil {
		w.late("")
	}
	w.Faultless()
	w.load(w.account)
	for range 4 {
		if got := w.poll(reader.PollOptions{All: true, Sweep: true}); got.Err != nil {
			w.Error(got.Err)
		}
	}
	w.reconcile()
	w.poll(now) // what the comparison found without a row
}
