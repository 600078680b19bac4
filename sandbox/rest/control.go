package rest

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// control serves the control plane: what a test or a demo does to the org
// behind its API's back.
func (s *Server) control(w http.ResponseWriter, r *http.Request, seg []string) {
	if !s.mayControl(r) {
		writeJSON(w, http.StatusForbidden, controlError{"the control plane answers only on this machine or to its token"})
		return
	}
	if len(seg) == 0 {
		writeJSON(w, http.StatusOK, map[string]any{"endpoints": controlNames()})
		return
	}
	handler, ok := controls[r.Method+" "+seg[0]]
	if !ok {
		writeJSON(w, http.StatusNotFound, controlError{"no such control: " + r.Method + " " + seg[0]})
		return
	}
	limit := int64(64 << 20)
	if seg[0] == "state" {
		limit = 4 << 30
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	v, err := handler(s, w, r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, controlError{err.Error()})
		return
	}
	if v != nil {
		writeJSON(w, http.StatusOK, v)
	}
}

type controlError struct {
	Error string `json:"error"`
}

// controls are the endpoints; a handler that returns nil has written itself.
var controls = map[string]func(*Server, http.ResponseWriter, *http.Request) (any, error){
	"POST seed":        (*Server).ctlSeed,
	"GET faults":       (*Server).ctlFaults,
	"POST faults":      (*Server).ctlAddFault,
	"DELETE faults":    (*Server).ctlRemoveFaults,
	"GET calls":        (*Server).ctlCalls,
	"DELETE calls":     (*Server).ctlResetCalls,
	"GET writes":       (*Server).ctlWrites,
	"GET dump":         (*Server).ctlDump,
	"GET switches":     (*Server).ctlSwitches,
	"POST switches":    (*Server).ctlSetSwitches,
	"GET rules":        (*Server).ctlRules,
	"POST rules":       (*Server).ctlSetRules,
	"POST permissions": (*Server).ctlPermissions,
	"POST schema":      (*Server).ctlSchema,
	"POST recordtypes": (*Server).ctlRecordTypes,
	"GET clock":        (*Server).ctlClock,
	"POST clock":       (*Server).ctlStep,
	"POST expire":      (*Server).ctlExpire,
	"POST records":     (*Server).ctlRecords,
	"POST clients":     (*Server).ctlAddClient,
	"GET certificate":  (*Server).ctlCertificate,
	"GET events":       (*Server).ctlEvents,
	"POST events":      (*Server).ctlSetEvents,
	"GET state":        (*Server).ctlState,
	"POST state":       (*Server).ctlRestore,
	"POST wipe":        (*Server).ctlWipe,
}

func controlNames() []string {
	return slices.Sorted(maps.Keys(controls))
}

func (s *Server) mayControl(r *http.Request) bool {
	if s.opt.ControlToken == "" {
		return loopback(r)
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.opt.ControlToken)) == 1
}

// readControl decodes a body strictly, so that a misspelt key is told.
func readControl(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func (s *Server) ctlSeed(_ http.ResponseWriter, r *http.Request) (any, error) {
	var plan org.SeedPlan
	if err := readControl(r, &plan); err != nil {
		return nil, err
	}
	n, err := s.org.Seed(plan)
	return map[string]int{"rows": n}, err
}

func (s *Server) ctlFaults(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"faults": s.faults.all()}, nil
}

func (s *Server) ctlAddFault(_ http.ResponseWriter, r *http.Request) (any, error) {
	var f fault
	if err := readControl(r, &f); err != nil {
		return nil, err
	}
	return s.faults.add(f)
}

func (s *Server) ctlRemoveFaults(_ http.ResponseWriter, r *http.Request) (any, error) {
	id := 0
	if text := r.URL.Query().Get("id"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("id %q is not the number of a fault", text)
		}
		id = n
	}
	return map[string]int{"removed": s.faults.remove(id)}, nil
}

func (s *Server) ctlCalls(http.ResponseWriter, *http.Request) (any, error) {
	return s.calls.report(), nil
}

func (s *Server) ctlResetCalls(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.calls.reset(r.URL.Query().Get("quota") == "true")
	return s.calls.report(), nil
}

func (s *Server) ctlSwitches(http.ResponseWriter, *http.Request) (any, error) {
	return s.org.Switches(), nil
}

// ctlSetSwitches changes the switches that the body names and leaves others.
func (s *Server) ctlSetSwitches(_ http.ResponseWriter, r *http.Request) (any, error) {
	sw := s.org.Switches()
	if err := readControl(r, &sw); err != nil {
		return nil, err
	}
	switch sw.JSONErrorScope {
	case "", "call", "row":
	default:
		return nil, fmt.Errorf("jsonErrorScope is %q, must be call or row", sw.JSONErrorScope)
	}
	switch sw.Bulk.ResultOrder {
	case "", "file", "reverse", "shuffle":
	default:
		return nil, fmt.Errorf("bulk.resultOrder is %q, must be file, reverse or shuffle", sw.Bulk.ResultOrder)
	}
	s.org.SetSwitches(sw)
	s.sessions.setLife(time.Duration(sw.SessionSeconds) * time.Second)
	return sw, nil
}

func (s *Server) ctlRules(http.ResponseWriter, *http.Request) (any, error) {
	return s.org.Rules(), nil
}

func (s *Server) ctlSetRules(_ http.ResponseWriter, r *http.Request) (any, error) {
	var rules org.Rules
	if err := readControl(r, &rules); err != nil {
		return nil, err
	}
	if err := s.org.SetRules(rules); err != nil {
		return nil, err
	}
	return s.org.Rules(), nil
}

// permissionChange sets a user's rights on an object, or with Field on one
// field of it.
type permissionChange struct {
	User   string            `json:"user"`
	Object string            `json:"object"`
	Field  string            `json:"field,omitempty"`
	Rights *org.ObjectRights `json:"rights,omitempty"`
	Access *org.FieldRights  `json:"access,omitempty"`
}

func (s *Server) ctlPermissions(_ http.ResponseWriter, r *http.Request) (any, error) {
	var p permissionChange
	if err := readControl(r, &p); err != nil {
		return nil, err
	}
	user, ok := s.org.User(p.User)
	if !ok {
		return nil, fmt.Errorf("no user %q", p.User)
	}
	obj, ok := s.org.Catalog.Object(p.Object)
	if !ok {
		return nil, fmt.Errorf("no object %q", p.Object)
	}
	now := s.org.Clock.Now()
	if p.Rights != nil {
		user.Permissions.SetObject(obj.Name, *p.Rights, now)
	}
	if p.Field == "" {
		return p, nil
	}
	f, ok := obj.Field(p.Field)
	if !ok {
		return nil, fmt.Errorf("object %s has no field %q", obj.Name, p.Field)
	}
	if p.Access == nil {
		return nil, fmt.Errorf("field %s is named without access", p.Field)
	}
	user.Permissions.SetField(obj.Name, f.Name, *p.Access, now)
	return p, nil
}

// schemaChange is one edit of the schema. Action is add, drop, rename,
// retype, length, or load for a whole schema file.
type schemaChange struct {
	Action string            `json:"action"`
	Object string            `json:"object,omitempty"`
	Field  string            `json:"field,omitempty"`
	Name   string            `json:"name,omitempty"`
	Length int               `json:"length,omitempty"`
	Def    *schema.FileField `json:"def,omitempty"`
	File   json.RawMessage   `json:"file,omitempty"`
}

func (s *Server) ctlSchema(_ http.ResponseWriter, r *http.Request) (any, error) {
	var c schemaChange
	if err := readControl(r, &c); err != nil {
		return nil, err
	}
	if err := s.editSchema(c); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Action, err)
	}
	s.org.SchemaChanged(c.Object)
	for _, obj := range s.org.Catalog.Objects() {
		if err := s.org.Recalculate(obj); err != nil {
			return nil, err
		}
	}
	return map[string]uint64{"version": s.org.Catalog.Version()}, nil
}

func (s *Server) editSchema(c schemaChange) error {
	cat := s.org.Catalog
	switch c.Action {
	case "drop":
		return cat.DropField(c.Object, c.Field)
	case "rename":
		return cat.RenameField(c.Object, c.Field, c.Name)
	case "length":
		return cat.SetLength(c.Object, c.Field, c.Length)
	case "load":
		return cat.LoadJSON(bytes.NewReader(c.File))
	case "add", "retype":
		if c.Def == nil {
			return fmt.Errorf("def is missing")
		}
		list, err := c.Def.Fields()
		if err != nil {
			return err
		}
		if c.Action == "retype" {
			return s.org.Retype(c.Object, c.Field, list[len(list)-1])
		}
		for _, def := range list {
			if err := cat.AddField(c.Object, def); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("action must be add, drop, rename, retype, length or load")
}

type clockReply struct {
	Now           string  `json:"now"`
	OffsetSeconds float64 `json:"offsetSeconds"`
}

func (s *Server) ctlClock(http.ResponseWriter, *http.Request) (any, error) {
	return clockReply{s.org.Clock.Now().Format(time.RFC3339Nano), s.org.Clock.Offset().Seconds()}, nil
}

func (s *Server) ctlStep(w http.ResponseWriter, r *http.Request) (any, error) {
	var step struct {
		Seconds float64 `json:"seconds"`
	}
	if err := readControl(r, &step); err != nil {
		return nil, err
	}
	s.org.Clock.Step(time.Duration(step.Seconds * float64(time.Second)))
	return s.ctlClock(w, r)
}

// ctlExpire ends or archives what else only time does.
func (s *Server) ctlExpire(_ http.ResponseWriter, r *http.Request) (any, error) {
	var what struct {
		Sessions   bool   `json:"sessions"`
		Client     string `json:"client"`
		Locators   bool   `json:"locators"`
		RecycleBin bool   `json:"recycleBin"`
		Events     bool   `json:"events"`
		Activities bool   `json:"activities"`
		Object     string `json:"object"`
	}
	if err := readControl(r, &what); err != nil {
		return nil, err
	}
	out := map[string]int{}
	if what.Sessions {
		out["sessions"] = s.sessions.endAll(what.Client)
	}
	if what.Locators {
		out["locators"] = s.org.DropCursors()
	}
	if what.Events {
		out["events"] = s.bus.Expire()
	}
	if what.Activities {
		out["activities"] = s.org.Archive()
	}
	if what.RecycleBin {
		obj, ok := s.org.Catalog.Object(what.Object)
		if what.Object != "" && !ok {
			return nil, fmt.Errorf("no object %q", what.Object)
		}
		n, err := s.org.EmptyBin(obj)
		if err != nil {
			return nil, err
		}
		out["recycleBin"] = n
	}
	return out, nil
}

// ctlRecords undeletes, purges or merges records, which REST has no call for.
func (s *Server) ctlRecords(_ http.ResponseWriter, r *http.Request) (any, error) {
	var do struct {
		Action string   `json:"action"`
		ID     string   `json:"id"`
		Losers []string `json:"losers"`
		User   string   `json:"user"`
	}
	if err := readControl(r, &do); err != nil {
		return nil, err
	}
	if do.User == "" {
		do.User = org.DemoUser
	}
	actor, ok := s.as(do.User)
	if !ok {
		return nil, fmt.Errorf("no user %q", do.User)
	}
	obj, ok := s.org.Catalog.ByPrefix(do.ID)
	if !ok {
		return nil, fmt.Errorf("id %q belongs to no object", do.ID)
	}
	id, err := recordID(obj, do.ID)
	if err != nil {
		return nil, err
	}
	tx := s.org.Begin(actor)
	defer tx.Rollback()
	switch do.Action {
	case "undelete":
		err = tx.Undelete(obj, id)
	case "purge":
		err = tx.Purge(obj, id)
	case "merge":
		err = tx.Merge(obj, id, do.Losers)
	default:
		err = fmt.Errorf("action must be undelete, purge or merge")
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, tx.Commit()
}

func (s *Server) ctlWipe(_ http.ResponseWriter, r *http.Request) (any, error) {
	_, _ = io.Copy(io.Discard, r.Body) // a body is allowed and means nothing
	if err := s.org.Wipe(); err != nil {
		return nil, err
	}
	s.sessions.endAll("")
	s.faults.remove(0)
	s.calls.reset(true)
	s.bulk.Reset()
	s.bus.Reset()
	return map[string]bool{"wiped": true}, nil
}
