package org

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Org is one sandbox org. Its methods are safe for concurrent use.
type Org struct {
	Clock   *Clock
	Catalog *schema.Catalog

	id       string
	admin    *User
	switches atomic.Pointer[Switches]
	edits    atomic.Uint64
	// binDue is the Unix second from which on something in the recycle bin has
	// had its time; it may be too early, never too late.
	binDue atomic.Int64

	randMu sync.Mutex
	rand   *rand.Rand

	mu       sync.RWMutex
	tables   map[string]*table
	users    map[string]*User // by lower-case username and by id
	open     map[*Tx]struct{}
	locks    map[string]*Tx
	reserved map[keyRef]*Tx
	bin      map[string]binEntry
	rules    Rules
	watchers []func(Commit)

	logMu  sync.Mutex
	writes []logEntry

	cursorMu sync.Mutex
	cursors  map[string]*Cursor
	cursorNo uint64
}

// Options of a new org.
type Options struct {
	// Catalog is the org's schema; the org takes it over.
	Catalog *schema.Catalog
	// Clock is the org's time; nil is the machine's.
	Clock *Clock
	// Seed decides what the org draws by chance.
	Seed uint64
	// Name of the organisation; "" is "Sandbox Org".
	Name string
}

// The users that every new org has.
const (
	IntegrationUser = "integration.user@sandbox.example"
	DemoUser        = "demo.user@sandbox.example"
	processUser     = "autoproc@sandbox.example"
)

// New makes an org that holds its own organisation, profile and users, and
// nothing else.
func New(opt Options) (*Org, error) {
	if opt.Catalog == nil {
		return nil, fmt.Errorf("new org: no catalog given")
	}
	if opt.Clock == nil {
		opt.Clock = &Clock{}
	}
	if opt.Name == "" {
		opt.Name = "Sandbox Org"
	}
	o := &Org{
		Clock: opt.Clock, Catalog: opt.Catalog,
		rand: rand.New(rand.NewPCG(opt.Seed, 0x5ca1ab1e)),
	}
	o.switches.Store(&Switches{})
	o.reset()
	if err := o.found(opt.Name); err != nil {
		return nil, fmt.Errorf("new org: %w", err)
	}
	return o, nil
}

func (o *Org) reset() {
	o.tables = map[string]*table{}
	o.open = map[*Tx]struct{}{}
	o.locks = map[string]*Tx{}
	o.reserved = map[keyRef]*Tx{}
	o.bin = map[string]binEntry{}
	o.binDue.Store(math.MaxInt64)
	o.users = map[string]*User{}
	o.cursors = map[string]*Cursor{}
}

// ID is the 18-character organisation Id.
func (o *Org) ID() string { return o.id }

// Switches gives a copy of the behaviours in force.
func (o *Org) Switches() Switches { return *o.switches.Load() }

// SetSwitches replaces the behaviours. The same seed of late visibility draws
// the same delays from here on.
func (o *Org) SetSwitches(s Switches) {
	if s.LateVisibility.Seed != 0 {
		o.randMu.Lock()
		o.rand = rand.New(rand.NewPCG(s.LateVisibility.Seed, 0x5ca1ab1e))
		o.randMu.Unlock()
	}
	o.switches.Store(&s)
}

// User finds a user by username or Id.
func (o *Org) User(name string) (*User, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	u, ok := o.users[strings.ToLower(name)]
	if !ok {
		u, ok = o.users[name]
	}
	return u, ok
}

// Users lists the users who can act, by username.
func (o *Org) Users() []*User {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var list []*User
	for key, u := range o.users {
		if key == strings.ToLower(u.Username) {
			list = append(list, u)
		}
	}
	return list
}

// system is the actor behind flows and seeding.
func (o *Org) system() *Actor { return &Actor{User: o.admin, System: true} }

// table finds or makes an object's table. The caller holds the write lock, or
// the read lock and accepts nil.
func (o *Org) table(obj *schema.Object) *table {
	t := o.tables[obj.Name]
	if t == nil {
		t = newTable(obj)
		o.tables[obj.Name] = t
	}
	return t
}

// peek finds an object's table without making one.
func (o *Org) peek(obj *schema.Object) *table { return o.tables[obj.Name] }

// SchemaChanged brings indexes in line with an object's edited definition.
func (o *Org) SchemaChanged(object string) {
	obj, ok := o.Catalog.Object(object)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.peek(obj); t != nil {
		t.syncIndexes(obj)
	}
}

// Count is the number of an object's live records.
func (o *Org) Count(obj *schema.Object) int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if t := o.peek(obj); t != nil {
		return t.live
	}
	return 0
}
