package rest

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/org"
)

// Bus is the org's event bus, for who serves it.
func (s *Server) Bus() *events.Bus { return s.bus }

// Visitor is the caller of another face than HTTP: whose session its token
// stands for.
type Visitor struct {
	Actor  *org.Actor
	Client string // id of the OAuth client
	token  string
}

// Enter checks the token of another face's call and counts the call as one of
// a kind, outside of the quota.
func (s *Server) Enter(token, kind string) (*Visitor, bool) {
	ses, ok := s.sessions.check(token)
	if !ok {
		return nil, false
	}
	user, ok := s.org.User(ses.UserID)
	if !ok {
		return nil, false
	}
	s.calls.note(ses.Client.ID, kind)
	return &Visitor{Actor: &org.Actor{User: user, OAuthClient: ses.Client.ID}, Client: ses.Client.ID, token: token}, true
}

// Alive reports whether a visitor's session still lives. It does not extend
// it.
func (s *Server) Alive(v *Visitor) bool {
	_, ok := s.sessions.look(v.token, false)
	return ok
}

// OrgID is the Id of the org behind the server.
func (s *Server) OrgID() string { return s.org.ID() }

// Trouble is what a fault in force does to a visitor's call.
type Trouble struct {
	// Status is the HTTP status that says what kind of failure it is; 0: none.
	Status int
	// Code and Message are the words of the failure, "" for the usual ones.
	Code, Message string
	// Drop closes the connection without a reply.
	Drop bool
	// CutAfter ends a stream after so many events; -1 does not.
	CutAfter int
	DelayMS  int
}

// Trouble finds the fault that meets a visitor's call on a path.
func (s *Server) Trouble(v *Visitor, path string) Trouble {
	t := Trouble{CutAfter: -1}
	f := s.faults.match(http.MethodPost, path, s.clients.find(v.Client))
	if f == nil {
		return t
	}
	switch f.Kind {
	case faultStatus, faultHTML:
		t.Status, t.Code, t.Message = f.Status, f.Code, f.Message
		if t.Status == 0 {
			t.Status = http.StatusServiceUnavailable
		}
	case faultSession:
		if f.End {
			s.sessions.end(v.token)
		}
		t.Status = http.StatusUnauthorized
	case faultDropBefore, faultDropAfter, faultLate:
		t.Drop = true
	case faultDelay:
		t.DelayMS = f.DelayMS
	case faultCutStream:
		t.CutAfter = f.Rows
	}
	return t
}

// eventReport is what the control plane says of the event bus.
type eventReport struct {
	Selected []string       `json:"selected"`
	Floor    int64          `json:"floor"`
	Tip      int64          `json:"tip"`
	Quota    int            `json:"quota"`
	Used     int            `json:"used"`
	Faults   []events.Spoil `json:"faults"`
	Recent   []events.Brief `json:"recent"`
}

func (s *Server) ctlEvents(_ http.ResponseWriter, r *http.Request) (any, error) {
	n := 100
	if text := r.URL.Query().Get("last"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			return nil, fmt.Errorf("last is %q, must be a number", text)
		}
	}
	rep := eventReport{Selected: s.bus.Selected(), Faults: s.bus.Spoils(), Recent: []events.Brief{}}
	rep.Floor, rep.Tip = s.bus.Bounds()
	rep.Quota, rep.Used = s.bus.Deliveries()
	for _, e := range s.bus.Recent(n) {
		rep.Recent = append(rep.Recent, e.Brief())
	}
	return rep, nil
}

// ctlSetEvents selects objects, puts faults of the bus in force, makes up
// events and creates managed subscriptions.
func (s *Server) ctlSetEvents(w http.ResponseWriter, r *http.Request) (any, error) {
	var do struct {
		Select  []string        `json:"select"`
		Fault   *events.Spoil   `json:"fault"`
		Lift    bool            `json:"lift"`
		Inject  *injection      `json:"inject"`
		Managed *events.Managed `json:"managed"`
	}
	if err := readControl(r, &do); err != nil {
		return nil, err
	}
	if do.Select != nil {
		if err := s.bus.Select(do.Select); err != nil {
			return nil, fmt.Errorf("select: %w", err)
		}
	}
	if do.Lift {
		s.bus.Unspoil()
	}
	if do.Fault != nil {
		if err := s.bus.Spoil(*do.Fault); err != nil {
			return nil, fmt.Errorf("fault: %w", err)
		}
	}
	if do.Inject != nil {
		if err := s.inject(do.Inject); err != nil {
			return nil, fmt.Errorf("inject: %w", err)
		}
	}
	if do.Managed != nil {
		if err := s.bus.Manage(do.Managed.Name, do.Managed.Topic); err != nil {
			return nil, err
		}
	}
	return s.ctlEvents(w, r)
}

// injection is a made-up event.
type injection struct {
	Object string   `json:"object"`
	Kind   string   `json:"kind"`
	IDs    []string `json:"ids"`
}

func (s *Server) inject(i *injection) error {
	actor, ok := s.as(org.DemoUser)
	if !ok {
		return fmt.Errorf("no user %q", org.DemoUser)
	}
	return s.bus.Inject(actor, i.Object, i.Kind, i.IDs)
}
