package org

import (
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// User is one user who can act in the org.
type User struct {
	ID, Username, Name, Email, ProfileID string
	// Permissions may be changed while the org runs.
	Permissions *Permissions
}

// Actor is who does something, and through what.
type Actor struct {
	User *User
	// OAuthClient is the id of the OAuth client, CallClient the client string
	// of Sforce-Call-Options; both go to the log of writes.
	OAuthClient, CallClient string
	// Origin is the API that the actor came through as change events name it,
	// such as com/salesforce/api/rest/68.0.
	Origin string
	// CommitDelay holds this actor's transactions open for so long between
	// their writes and their commit.
	CommitDelay time.Duration
	// AllowDuplicates saves records that a duplicate rule would only warn of.
	AllowDuplicates bool
	// Assign is the assignment rule to apply: "" none, AssignActive, or a rule's
	// Id.
	Assign string
	// System actors (flows, seeding) skip permissions.
	System bool
}

// ObjectRights is what a user may not do with an object; the zero value denies
// nothing.
type ObjectRights struct {
	NoCreate bool `json:"noCreate,omitempty"`
	NoRead   bool `json:"noRead,omitempty"`
	NoEdit   bool `json:"noEdit,omitempty"`
	NoDelete bool `json:"noDelete,omitempty"`
	// OwnOnly takes View All away: the user sees only records they own.
	OwnOnly bool `json:"ownOnly,omitempty"`
}

// FieldRights is what a user may not do with a field.
type FieldRights struct {
	Hidden   bool `json:"hidden,omitempty"`
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Permissions are a user's rights. They are safe for concurrent use.
type Permissions struct {
	mu      sync.RWMutex
	objects map[string]ObjectRights
	fields  map[string]FieldRights
	changed map[string]time.Time
}

func newPermissions() *Permissions {
	return &Permissions{objects: map[string]ObjectRights{}, fields: map[string]FieldRights{}, changed: map[string]time.Time{}}
}

// SetObject replaces the rights on an object; at is when that shows in its
// describe as a change.
func (p *Permissions) SetObject(object string, r ObjectRights, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed[strings.ToLower(object)] = at
	p.objects[strings.ToLower(object)] = r
}

// SetField replaces the rights on a field.
func (p *Permissions) SetField(object, field string, r FieldRights, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed[strings.ToLower(object)] = at
	p.fields[strings.ToLower(object+"."+field)] = r
}

// Changed is when the rights on an object last changed; zero if never.
func (p *Permissions) Changed(o *schema.Object) time.Time {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.changed[strings.ToLower(o.Name)]
}

// Object gives the rights on an object.
func (p *Permissions) Object(o *schema.Object) ObjectRights {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.objects) == 0 {
		return ObjectRights{}
	}
	return p.objects[strings.ToLower(o.Name)]
}

// Field gives the rights on a field.
func (p *Permissions) Field(o *schema.Object, f *schema.Field) FieldRights {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.fields) == 0 {
		return FieldRights{}
	}
	return p.fields[strings.ToLower(o.Name+"."+f.Name)]
}

// CanSee says whether the actor's describe shows a field.
func (a *Actor) CanSee(o *schema.Object, f *schema.Field) bool {
	return a.System || !a.User.Permissions.Field(o, f).Hidden
}

// CanRead says whether the actor may read an object at all.
func (a *Actor) CanRead(o *schema.Object) bool {
	return a.System || !a.User.Permissions.Object(o).NoRead
}

// canWrite says whether the actor may set a field.
func (a *Actor) canWrite(o *schema.Object, f *schema.Field) bool {
	return a.System || !a.User.Permissions.Field(o, f).ReadOnly
}

func (a *Actor) seesAll(o *schema.Object) bool {
	return a.System || !a.User.Permissions.Object(o).OwnOnly
}
