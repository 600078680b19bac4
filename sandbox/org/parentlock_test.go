package org

import (
	"errors"
	"testing"
	"time"
)

func TestChildrenLockTheirParent(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc, con := object(t, o, "Account"), object(t, o, "Contact")
	tx := o.Begin(actor(o))
	parent, err := tx.Insert(acc, Body{{"Name", "p"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	child := Body{{"LastName", "x"}, {"AccountId", parent}}
	both := func() error {
		first, second := o.Begin(actor(o)), o.Begin(actor(o))
		defer first.Rollback()
		defer second.Rollback()
		if _, err := first.Insert(con, child); err != nil {
			t.Fatal(err)
		}
		_, err := second.Insert(con, child)
		return err
	}
	o.SetSwitches(Switches{NoParentLocks: true})
	if err := both(); err != nil {
		t.Errorf("switched off: %v", err)
	}
	o.SetSwitches(Switches{LockWaitSeconds: 1})
	re, ok := errors.AsType[*RowError](both())
	if !ok || re.Code != "UNABLE_TO_LOCK_ROW" {
		t.Errorf("got %v, want UNABLE_TO_LOCK_ROW", re)
	}
	o.SetSwitches(Switches{HoldMS: 500})
	tx = o.Begin(actor(o))
	defer tx.Rollback()
	for range 100 {
		if _, err := tx.Insert(con, child); err != nil {
			t.Fatal(err)
		}
	}
	if got := tx.hold(); got != 250*time.Millisecond {
		t.Errorf("100 records hold their locks for %v, want 250ms", got)
	}
	tx.Rollback()
	if len(o.locks) != 0 {
		t.Errorf("locks are left: %v", o.locks)
	}
}
