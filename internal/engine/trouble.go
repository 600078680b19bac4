package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

var (
	errPanic      = errors.New("a fault of the program ended this work; it is tried again")
	errRolledBack = errors.New("the database lacks changes that were committed to it: it was restored from a backup, " +
		"or it is another line of its history; say which state counts before anything is sent")
)

// controlError is trouble with the control store. It is nobody's condition:
// where it could be shown is what does not answer.
type controlError struct{ err error }

func (e *controlError) Error() string { return "control store: " + e.err.Error() }
func (e *controlError) Unwrap() error { return e.err }

// laterWait is the shortest wait when the org asks for patience (a used-up
// limit, maintenance).
const laterWait = 30 * time.Second

// refusedWait is the shortest wait after a refused sign-in: an org locks users
// out that are refused too often. A change of the connection ends it.
const refusedWait = time.Minute

// trouble is what an error means for a connection or mapping.
type trouble struct {
	condition mapping.Condition
	cause     string
	// wait is the least time until it is worth another try.
	wait time.Duration
	// passing trouble is over by itself in a moment and is not shown.
	passing bool
	// hidden trouble is logged only.
	hidden bool
	// fenced: this turn was overtaken.
	fenced bool
	// stale: the describes that are kept may be outdated.
	stale bool
}

// judge sorts an error by what one does about it. nil is no trouble.
func judge(err error) trouble {
	switch {
	case err == nil:
		return trouble{}
	case errors.Is(err, target.ErrFenced), errors.Is(err, store.ErrFenced):
		return trouble{fenced: true, passing: true}
	case errors.Is(err, errRolledBack), errors.Is(err, target.ErrControlRestored):
		return trouble{condition: mapping.RolledBack, cause: err.Error()}
	case errors.Is(err, target.ErrCloned):
		return trouble{condition: mapping.ClonedDatabase, cause: err.Error()}
	case errors.Is(err, errPanic):
		return trouble{condition: mapping.SystemError, cause: err.Error()}
	}
	if _, ok := errors.AsType[*controlError](err); ok {
		return trouble{cause: err.Error(), hidden: true}
	}
	if _, ok := errors.AsType[mapping.ConfigErrors](err); ok {
		return trouble{condition: mapping.BadConfig, cause: err.Error(), stale: true}
	}
	if _, ok := errors.AsType[*mapping.ConfigError](err); ok {
		return trouble{condition: mapping.BadConfig, cause: err.Error(), stale: true}
	}
	if e, ok := errors.AsType[*salesforce.Error](err); ok {
		return judgeOrg(e)
	}
	return judgeDatabase(err)
}

// inactive are the codes of an org that is there and does not serve anybody.
var inactive = []string{"INACTIVE_ORG", "ORG_LOCKED", "TRIAL_EXPIRED", "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"}

func judgeOrg(e *salesforce.Error) trouble {
	t := trouble{condition: mapping.SFUnavailable, cause: e.Error(), wait: e.RetryAfter}
	switch e.Class {
	case salesforce.RetrySoon:
	case salesforce.RetryLater:
		t.wait = max(t.wait, laterWait)
	case salesforce.Redescribe:
		t.condition, t.stale = mapping.BadConfig, true
	case salesforce.Reauthorize:
		t.condition = mapping.Unauthorized
		t.wait = max(t.wait, refusedWait)
		t.cause += "; authorise the connection again"
	case salesforce.AskPerson:
		t.condition = mapping.SystemError
	}
	if salesforce.IsCode(e, inactive...) {
		t.condition = mapping.InactiveOrg
	}
	return t
}

func judgeDatabase(err error) trouble {
	t := trouble{condition: mapping.SystemError, cause: target.Words(err)}
	switch target.Classify(err) {
	case target.Unavailable, target.Rights:
		t.condition = mapping.DBUnavailable
	case target.Retry:
		t.passing = true
	case target.Schema:
		t.condition, t.stale = mapping.BadConfig, true
	case target.Value, target.Fenced, target.Other:
	}
	if strings.TrimSpace(t.cause) == "" {
		t.cause = err.Error()
	}
	return t
}

// failed tells the connection or mapping what is wrong and says when to try
// again. Work that was cut short because the node stops is no trouble.
func (e *Engine) failed(ctx context.Context, key Key, sc *scope, err error) result {
	if ctx.Err() != nil {
		return result{}
	}
	t := judge(err)
	if t.fenced {
		e.log.InfoContext(ctx, "turn overtaken", "kind", key.Kind, "connection", key.Connection)
		return result{after: unwellWait}
	}
	if t.stale {
		e.sessions.forgetDescribes(key.Connection)
	}
	wait := e.failures.add(key, t.wait)
	e.countError(key, sc, t)
	e.log.WarnContext(ctx, "turn failed", "kind", key.Kind, "connection", key.Connection, "mapping", key.Mapping,
		"condition", t.condition, "wait", wait, "error", err)
	if t.hidden || t.passing && e.failures.count(key) < passingFailures {
		return result{after: wait, err: t.cause}
	}
	e.report(ctx, key, sc, t)
	return result{after: wait, err: t.cause}
}

// passingFailures is how often passing trouble may repeat before it is shown.
const passingFailures = 5

// failures counts what went wrong in a row, to grow the waits. It is the
// node's own: another node starts with a short wait.
type failures struct {
	min, max time.Duration
	mu       sync.Mutex
	of       map[Key]failure
}

type failure struct {
	count int
	until time.Time
}

// add counts a failure and returns the wait: doubled each time, with jitter,
// bounded, and at least as long as asked for.
func (f *failures) add(key Key, asked time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.of[key]
	x.count++
	wait := min(f.max, f.min<<min(x.count-1, 20))
	wait = max(wait/2+rand.N(wait/2+1), asked)
	x.until = time.Now().Add(wait)
	f.of[key] = x
	return wait
}

func (f *failures) count(key Key) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[key].count
}

// remaining is how much of a wait is left. A wake does not shorten it.
func (f *failures) remaining(key Key) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, time.Until(f.of[key].until))
}

func (f *failures) clear(key Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, key)
}

// forgive ends the waits of a connection: something about it was changed.
func (f *failures) forgive(connection uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.of {
		if key.Connection == connection {
			delete(f.of, key)
		}
	}
}
