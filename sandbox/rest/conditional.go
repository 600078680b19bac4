package rest

import (
	"net/http"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// rowChanged is when a record last changed; zero for objects that don't say.
func rowChanged(row soql.Row) time.Time {
	for _, name := range []string{"SystemModstamp", "LastModifiedDate", "CreatedDate"} {
		if f, ok := row.Object().Field(name); ok {
			return time.Unix(row.Value(f.Slot).Unix(), 0).UTC()
		}
	}
	return time.Time{}
}

// headerTime is the time in a conditional header.
func (c *call) headerTime(name string) (time.Time, bool) {
	t, err := http.ParseTime(c.header.Get(name))
	return t, err == nil
}

// unmodified refuses a call on a record that changed after the time that
// If-Unmodified-Since names.
func (c *call) unmodified(row soql.Row) error {
	if since, ok := c.headerTime("If-Unmodified-Since"); ok && rowChanged(row).After(since) {
		return failf(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The record has changed since the time in If-Unmodified-Since")
	}
	return nil
}

// precondition checks a record before it is written. What another call commits
// between this look and the write goes unseen.
func (c *call) precondition(obj *schema.Object, id string) error {
	if _, ok := c.headerTime("If-Unmodified-Since"); !ok {
		return nil
	}
	return c.s.org.Read(c.actor, func(v *org.View) error {
		row, ok := v.ByID(obj, id)
		if !ok {
			return nil // the write says so itself
		}
		return c.unmodified(row)
	})
}
