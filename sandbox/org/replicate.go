package org

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

const maxReplicated = 600_000

// Deleted is one entry of getDeleted.
type Deleted struct {
	ID string
	At time.Time
}

// window checks the bounds of getUpdated and getDeleted.
func (o *Org) window(obj *schema.Object, start, end time.Time, days int) (time.Time, time.Time, error) {
	if !obj.Replicateable {
		return start, end, rowErr("INVALID_TYPE_FOR_OPERATION", nil, "object type %s is not replicable", obj.Name)
	}
	if o.switches.Load().MinuteReplication {
		start, end = start.Truncate(time.Minute), end.Truncate(time.Minute)
	}
	bad := func(words string) (time.Time, time.Time, error) {
		return start, end, rowErr("INVALID_REPLICATION_DATE", nil, "%s", words)
	}
	now := o.Clock.Now()
	switch {
	case end.Sub(start) < time.Minute:
		return bad("endDate must be at least one minute greater than startDate")
	case start.Before(now.AddDate(0, 0, -days)):
		return bad("startDate before org replication enabled date")
	case start.After(now):
		return bad("startDate cannot be in the future")
	}
	return start, end, nil
}

// Updated lists the records changed in a window, and up to when that is the
// whole truth.
func (o *Org) Updated(a *Actor, obj *schema.Object, start, end time.Time) (ids []string, covered time.Time, err error) {
	if start, end, err = o.window(obj, start, end, 30); err != nil {
		return nil, covered, err
	}
	err = o.Read(a, func(v *View) error {
		covered = o.latestCovered(end)
		for r := range v.ByStamp(obj, start.Unix()) {
			t := o.peek(obj)
			if t.sys.stamp < 0 || r.Value(t.sys.stamp).Unix() > end.Unix() {
				break
			}
			if !r.Deleted() {
				ids = append(ids, r.ID())
			}
		}
		if len(ids) > maxReplicated {
			return rowErr("EXCEEDED_ID_LIMIT", nil, "Too many ids were returned; narrow the dates")
		}
		return nil
	})
	return ids, covered, err
}

// Deletions lists the records deleted in a window. Purged records stay in the
// log; undeleted ones leave it.
func (o *Org) Deletions(a *Actor, obj *schema.Object, start, end time.Time) (list []Deleted, earliest, covered time.Time, err error) {
	if start, end, err = o.window(obj, start, end, 15); err != nil {
		return nil, earliest, covered, err
	}
	earliest = o.Clock.Now().AddDate(0, 0, -15).Truncate(time.Second)
	err = o.Read(a, func(*View) error {
		covered = o.latestCovered(end)
		if t := o.peek(obj); t != nil {
			for _, d := range t.deletions {
				if !d.at.Before(start.Truncate(time.Second)) && !d.at.After(end) {
					list = append(list, Deleted{d.id, d.at})
				}
			}
		}
		if len(list) > maxReplicated {
			return rowErr("EXCEEDED_ID_LIMIT", nil, "Too many ids were returned; narrow the dates")
		}
		return nil
	})
	return list, earliest, covered, err
}
