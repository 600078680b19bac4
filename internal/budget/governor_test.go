package budget

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// shared is a control store for several ledgers of one org.
type shared struct {
	mu     sync.Mutex
	limits Limits
	down   bool
	stored int64
	blocks map[uuid.UUID]int64
	looks  int
}

func (s *shared) SaveCalls(_ context.Context, save Save) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range save.Counts {
		s.stored += c.Calls
	}
	s.blocks[save.Ledger] = save.Block
	return nil
}

func (s *shared) Standing(_ context.Context, _, ledger uuid.UUID) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.down {
		return Standing{}, errDown
	}
	ours := s.stored
	for id, n := range s.blocks {
		if id != ledger {
			ours += n
		}
	}
	return Standing{Limits: s.limits, Ours: ours}, nil
}

func (s *shared) set(daily int64, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits.Daily, s.down = daily, down
}

// call makes one call, if it is allowed.
func (g *Governor) call(ctx context.Context, purpose string) error {
	if err := g.Allow(ctx, purpose); err != nil {
		return err
	}
	end := g.ledger.Begin(ctx)
	g.ledger.Charge(Use{Kind: "query", Purpose: purpose})
	end()
	return nil
}

// However many ledgers share an org, they stay within what is allowed.
func TestLedgersShareABudget(t *testing.T) {
	t.Parallel()
	const nodes, daily = 4, 2000
	store := &shared{limits: Limits{Daily: daily}, blocks: map[uuid.UUID]int64{}}
	var group sync.WaitGroup
	var made [nodes]int64
	for i := range nodes {
		g := NewGovernor(NewLedger(uuid.New(), store, nil), store)
		group.Go(func() {
			for g.call(context.Background(), "write") == nil {
				made[i]++
			}
			if err := g.ledger.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var total int64
	for _, n := range made {
		total += n
	}
	if total > daily || total < daily-nodes*(Block+callRoom) || store.stored != total {
		t.Errorf("%d calls were made of %d, %d stored", total, daily, store.stored)
	}
}

func TestAGovernorSaysWhyAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shared{limits: Limits{Daily: 20}, blocks: map[uuid.UUID]int64{}}
		g := NewGovernor(NewLedger(uuid.New(), store, nil), store)
		polls, ctx := 0, t.Context()
		for g.call(ctx, "poll") == nil {
			polls++
		}
		spent, ok := errors.AsType[*SpentError](g.Allow(ctx, "poll"))
		if !ok || polls != 19 || spent.Used != 19 || spent.Allowed != 20 {
			t.Errorf("after %d polls: %+v", polls, spent)
		}
		if err := g.call(ctx, "write"); err != nil {
			t.Errorf("a write after the polls: %v", err)
		}
		if err := g.call(ctx, "write"); err == nil {
			t.Error("a call beyond the ceiling")
		}
		looks := store.looks
		for range 100 {
			_ = g.Allow(ctx, "write") // refused
		}
		if store.looks > looks {
			t.Errorf("%d looks for 100 refusals in an instant", store.looks-looks)
		}
		store.set(0, true)
		time.Sleep(lookEvery + time.Second)
		if err := g.Allow(ctx, "write"); err == nil {
			t.Error("a store that is down raises the ceiling")
		}
		store.set(0, false)
		time.Sleep(2 * time.Second)
		if err := g.call(ctx, "poll"); err != nil {
			t.Errorf("after the ceiling was lifted: %v", err)
		}
	})
}

// A control store that does not answer at all holds no call up.
func TestAGovernorWithoutAStore(t *testing.T) {
	t.Parallel()
	store := &shared{down: true, blocks: map[uuid.UUID]int64{}}
	g := NewGovernor(NewLedger(uuid.New(), store, nil), store)
	for range 3 {
		if err := g.call(t.Context(), "poll"); err != nil {
			t.Error(err)
		}
	}
}
