package budget

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Source tells how the calls of a connection's org stand, without what the
// given ledger has reserved.
type Source interface {
	Standing(ctx context.Context, connection, ledger uuid.UUID) (Standing, error)
}

// Governor keeps the calls of one ledger within what the org's owner allows, as
// one of any number on any number of nodes. It looks how the org stands every
// [Block] calls at least: what a ledger may spend between two looks is reserved
// beforehand, so that all others have counted it. Its methods may be called
// from many goroutines.
type Governor struct {
	ledger *Ledger
	source Source

	mu   sync.Mutex
	seen Standing
	// total and unsaved are the ledger's at the look that saw it.
	total, unsaved int64
	tried          time.Time // when the last look began
	looking        bool      // one is under way
	failed         bool      // the last one had no answer
}

// NewGovernor makes a governor of the ledger's calls.
func NewGovernor(l *Ledger, s Source) *Governor { return &Governor{ledger: l, source: s} }

const (
	// lookEvery is the longest that a look is trusted, and lookAgain the pause
	// between two of them while nothing is left.
	lookEvery = 10 * time.Second
	lookAgain = time.Second
	// lookWithin bounds one look.
	lookWithin = 3 * time.Second
)

// Allow says whether a call for a purpose may be made now; a [*SpentError] says
// why not. A control store that does not answer holds up one call at a time, for
// moments: the last look counts then.
func (g *Governor) Allow(ctx context.Context, purpose string) error {
	g.look(ctx, g.patience(purpose), true)
	if s := g.Seen(); s.Ours >= s.limit(purpose) {
		return &SpentError{Purpose: purpose, Used: s.Ours, Allowed: s.Allowed()}
	}
	return nil
}

// patience is how long the last look is trusted before a call.
func (g *Governor) patience(purpose string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	total, _ := g.ledger.standing()
	block := total-g.total >= Block
	switch {
	case block && !g.failed:
		return 0
	case block || g.used() >= g.seen.limit(purpose):
		return lookAgain
	}
	return lookEvery
}

// Standing is how the org stands, ours counted to this moment.
func (g *Governor) Standing(ctx context.Context) Standing {
	g.look(ctx, lookEvery, false)
	return g.Seen()
}

// Seen is Standing by the last look.
func (g *Governor) Seen() Standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.seen
	s.Ours = g.used()
	return s
}

// used counts what was made since the last look; mu is held.
func (g *Governor) used() int64 {
	total, _ := g.ledger.standing()
	return g.seen.Ours + g.unsaved + total - g.total
}

// look asks the source, unless it was asked less than wait ago or somebody is
// just asking. With reserve the ledger gets a whole block before, as many calls
// as it makes until the next look: whoever looks later counts them. What the ledger has not stored is taken first: a flush in
// between counts twice until the next look, never not at all.
func (g *Governor) look(ctx context.Context, wait time.Duration, reserve bool) {
	g.mu.Lock()
	if g.looking || time.Since(g.tried) < wait {
		g.mu.Unlock()
		return
	}
	g.looking, g.tried = true, time.Now()
	g.mu.Unlock()
	if reserve {
		g.ledger.renew(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	total, unsaved := g.ledger.standing()
	s, err := g.source.Standing(ctx, g.ledger.connection, g.ledger.id)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looking, g.failed = false, err != nil
	if err == nil {
		g.seen, g.total, g.unsaved = s, total, unsaved
	}
}
