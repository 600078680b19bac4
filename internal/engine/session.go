package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
)

// Opener opens what a node needs for a connection. An error becomes the
// connection's condition. [NewOpener] gives the real one.
type Opener func(ctx context.Context, c mapping.Connection) (*Session, error)

// Describer gives an object's describe, from a cache where it can; fresh asks
// the org. It wraps [sobject.ErrUnknown] for objects that are not there.
type Describer func(ctx context.Context, object string, fresh bool) (*sobject.Object, error)

// Session is what a node keeps open for a connection, shared by its turns. It
// is safe for concurrent use.
type Session struct {
	DB  *target.DB
	Org *salesforce.Client
	// Describe may be nil in tests that resolve no tables.
	Describe Describer
	// Calls keeps the org's budget; nil in tests without one.
	Calls *budget.Governor
	// Closing is called once, when the last turn has left: flush what is
	// counted, close what is open beside DB. It may be nil.
	Closing func(ctx context.Context)

	mu     sync.Mutex
	tables map[uuid.UUID]*mapping.Table
	fresh  map[string]bool // objects to be described anew, by lower-case name
	stale  bool            // describe everything anew at its next use
}

// Table joins a mapping with its describe. It is kept until the mapping's
// revision changes or the describes are outdated. An error that a person must
// put right is a [mapping.ConfigErrors].
func (s *Session) Table(ctx context.Context, m mapping.Mapping) (*mapping.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[m.ID]; t != nil && t.Mapping.Revision == m.Revision {
		return t, nil
	}
	if s.Describe == nil {
		return nil, errors.New("the session has no describes")
	}
	t, err := mapping.Resolve(m, func(object string) (*sobject.Object, error) { return s.describe(ctx, object) })
	if err != nil {
		return nil, fmt.Errorf("resolve mapping %s: %w", m.ObjectName, err)
	}
	if s.tables == nil {
		s.tables = map[uuid.UUID]*mapping.Table{}
	}
	s.tables[m.ID] = t
	return t, nil
}

// describe is called with mu held.
func (s *Session) describe(ctx context.Context, object string) (*sobject.Object, error) {
	name := strings.ToLower(object)
	fresh := s.stale && !s.fresh[name]
	o, err := s.Describe(ctx, object, fresh)
	if err == nil && fresh {
		s.fresh[name] = true
	}
	return o, err
}

// Forget drops the resolved tables; their next use asks the org for describes.
func (s *Session) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables, s.fresh, s.stale = nil, map[string]bool{}, true
}

// Close ends a session that was opened outside of a turn. Turns never close theirs.
func (s *Session) Close(ctx context.Context) {
	if s.Closing != nil {
		s.Closing(ctx)
	}
	s.DB.Close()
}

// sessions keeps the open sessions of a node, one per connection, and those of
// older settings until their turns have left.
type sessions struct {
	open  Opener
	idle  time.Duration
	mu    sync.Mutex
	byID  map[uuid.UUID]*lodging
	leave sync.WaitGroup
}

// lodging is a session and who is in it.
type lodging struct {
	opening sync.Mutex // held while the session is opened: one opens, the others wait
	session *Session
	version time.Time // UpdatedAt of the connection that it was opened for

	// Guarded by sessions.mu.
	guests int
	since  time.Time // when the last guest left
	stale  bool      // replaced: close when empty
}

func newSessions(open Opener, idle time.Duration) *sessions {
	return &sessions{open: open, idle: idle, byID: map[uuid.UUID]*lodging{}}
}

// acquire gives the session for the connection as it stands in c, and what to
// call when it is no longer used.
func (s *sessions) acquire(ctx context.Context, c mapping.Connection) (*Session, func(), error) {
	l := s.enter(c)
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.session == nil {
		session, err := s.open(ctx, c)
		if err != nil {
			s.exit(l)
			return nil, nil, err
		}
		s.mu.Lock()
		l.session = session
		s.mu.Unlock()
	}
	var once sync.Once
	return l.session, func() { once.Do(func() { s.exit(l) }) }, nil
}

// enter finds or makes the lodging; a newer version of the connection replaces
// the one that stands.
func (s *sessions) enter(c mapping.Connection) *lodging {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byID[c.ID]
	if l != nil && l.version.Before(c.UpdatedAt) {
		l.stale = true
		s.closeIfEmpty(l)
		l = nil
	}
	if l == nil {
		l = &lodging{version: c.UpdatedAt}
		s.byID[c.ID] = l
	}
	l.guests++
	return l
}

func (s *sessions) exit(l *lodging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.guests--
	l.since = time.Now()
	if l.stale {
		s.closeIfEmpty(l)
	}
}

// closeIfEmpty closes in the background: it may wait for the database. mu is
// held.
func (s *sessions) closeIfEmpty(l *lodging) {
	if l.guests > 0 || l.session == nil {
		return
	}
	session := l.session
	l.session = nil
	s.leave.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		session.Close(ctx)
	})
}

// sweep closes what nobody used for the idle time.
func (s *sessions) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.byID {
		if l.guests == 0 && time.Since(l.since) > s.idle {
			l.stale = true
			delete(s.byID, id)
			s.closeIfEmpty(l)
		}
	}
}

// forgetDescribes makes the connection's tables be resolved anew.
func (s *sessions) forgetDescribes(connection uuid.UUID) {
	s.mu.Lock()
	var session *Session
	if l := s.byID[connection]; l != nil && l.guests > 0 {
		session = l.session
	}
	s.mu.Unlock()
	if session != nil {
		session.Forget()
	}
}

// closeAll closes every session; those in use when their turns leave.
func (s *sessions) closeAll() {
	s.mu.Lock()
	for id, l := range s.byID {
		l.stale = true
		delete(s.byID, id)
		s.closeIfEmpty(l)
	}
	s.mu.Unlock()
	s.leave.Wait()
}
