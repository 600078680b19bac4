package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/sandbox/bulk"
	"github.com/synclinehq/syncline/sandbox/events"
)

// serverState is what the server keeps between runs in a small file: who is
// signed in, and where the event bus stood. Bulk jobs and events have files of
// their own; faults and counts of calls are not kept.
type serverState struct {
	Clients  []Client       `json:"clients,omitempty"`
	Sessions []sessionState `json:"sessions"`
	Grants   []grantState   `json:"grants"`
	Replay   int64          `json:"replay"`
	Selected []string       `json:"selected"`
}

type sessionState struct {
	Token    string    `json:"token"`
	UserID   string    `json:"userId"`
	ClientID string    `json:"clientId"`
	Scope    string    `json:"scope"`
	IssuedAt time.Time `json:"issuedAt"`
	LastUsed time.Time `json:"lastUsed"`
	Refresh  string    `json:"refresh,omitempty"`
}

type grantState struct {
	Token    string    `json:"token"`
	UserID   string    `json:"userId"`
	ClientID string    `json:"clientId"`
	Scope    string    `json:"scope"`
	IssuedAt time.Time `json:"issuedAt"`
}

// Still runs fn while no Bulk job is between saving rows and noting that it has:
// what fn saves of org and jobs fits together.
func (s *Server) Still(fn func() error) error { return s.bulk.Still(fn) }

// SaveJobs brings a shelf up to date with the Bulk jobs. It is called inside
// Still.
func (s *Server) SaveJobs(to bulk.Shelf) error { return s.bulk.Save(to) }

// LoadJobs takes over the Bulk jobs of a shelf; those that are not over go on.
func (s *Server) LoadJobs(from bulk.Shelf) error { return s.bulk.Load(from) }

// SaveEvents writes the event bus with the events that it retains. EventsMark
// tells whether that would differ from the last time.
func (s *Server) SaveEvents(w io.Writer) error { return s.bus.Save(w) }

// EventsMark is the state of the event bus, to be compared.
func (s *Server) EventsMark() events.Mark { return s.bus.Mark() }

// LoadEvents takes over what SaveEvents wrote.
func (s *Server) LoadEvents(r io.Reader) error { return s.bus.Load(r) }

// SaveState writes what the server keeps between runs besides the org. It
// holds tokens.
func (s *Server) SaveState(w io.Writer) error {
	st := s.sessions.state()
	st.Clients = s.clients.extra()
	_, st.Replay = s.bus.Bounds()
	st.Selected = s.bus.Selected()
	if err := json.NewEncoder(w).Encode(st); err != nil {
		return fmt.Errorf("save sessions: %w", err)
	}
	return nil
}

// LoadState takes over what SaveState wrote. Sessions of clients that the
// server does not know are dropped.
func (s *Server) LoadState(r io.Reader) error {
	var st serverState
	if err := json.NewDecoder(r).Decode(&st); err != nil {
		return fmt.Errorf("load sessions: %w", err)
	}
	for _, c := range st.Clients {
		s.clients.put(c, true)
	}
	s.sessions.restore(st, s.clients)
	s.sessions.setLife(time.Duration(s.org.Switches().SessionSeconds) * time.Second)
	s.bus.Resume(st.Replay)
	if err := s.bus.Select(st.Selected); err != nil {
		return fmt.Errorf("load selection of objects: %w", err)
	}
	return nil
}

func (s *sessions) state() serverState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st serverState
	for _, ses := range s.access {
		st.Sessions = append(st.Sessions, sessionState{ses.Token, ses.UserID, ses.Client.ID, ses.Scope, ses.IssuedAt, ses.lastUsed, ses.refresh})
	}
	for token, g := range s.refresh {
		st.Grants = append(st.Grants, grantState{token, g.userID, g.client.ID, g.scope, g.issuedAt})
	}
	return st
}

func (s *sessions) restore(st serverState, clients *clients) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range st.Sessions {
		if c := clients.find(e.ClientID); c != nil {
			s.access[e.Token] = &session{Token: e.Token, UserID: e.UserID, Client: c, Scope: e.Scope, IssuedAt: e.IssuedAt, lastUsed: e.LastUsed, refresh: e.Refresh}
		}
	}
	for _, g := range st.Grants {
		if c := clients.find(g.ClientID); c != nil {
			s.refresh[g.Token] = &grant{userID: g.UserID, client: c, scope: g.Scope, issuedAt: g.IssuedAt}
		}
	}
}

// ctlState is the state of the org as a file.
func (s *Server) ctlState(w http.ResponseWriter, _ *http.Request) (any, error) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := s.org.Save(w); err != nil {
		panic(http.ErrAbortHandler) // the reply has begun
	}
	return nil, nil
}

// ctlRestore puts a state in the place of the org's. Sessions of users that
// the state does not have end.
func (s *Server) ctlRestore(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if err := s.org.Replace(bytes.NewReader(b)); err != nil {
		return nil, err
	}
	s.org.DropCursors()
	s.bulk.Reset()
	return map[string]bool{"restored": true}, nil
}
