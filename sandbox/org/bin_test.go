package org

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// TestRecordsLeaveTheBinAfterFifteenDays by the org's clock, each at its time,
// with what its deletion took along; also in an org that was stored meanwhile.
func TestRecordsLeaveTheBinAfterFifteenDays(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc := object(t, o, "Account")
	first := insert(t, o, "Account", Body{{"Name", "First"}})
	child := insert(t, o, "Contact", Body{{"LastName", "Child"}, {"AccountId", first}})
	second := insert(t, o, "Account", Body{{"Name", "Second"}})
	live := insert(t, o, "Account", Body{{"Name", "Live"}})

	drop(t, o, acc, first)
	o.Clock.Step(24 * time.Hour)
	drop(t, o, acc, second)
	o.Clock.Step(14*24*time.Hour - time.Minute)
	present(t, o, first, child, second, live)

	var file bytes.Buffer
	if err := o.Save(&file); err != nil {
		t.Fatal(err)
	}
	stored, err := Load(&file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Org{o, stored} {
		o.Clock.Step(2 * time.Minute)
		present(t, o, second, live)
		absent(t, o, first, child)
		tx := o.Begin(actor(o))
		err := tx.Undelete(acc, first)
		tx.Rollback()
		if re, ok := errors.AsType[*RowError](err); !ok || re.Code != "UNDELETE_FAILED" {
			t.Errorf("undelete of what has left the bin: %v", err)
		}
		now := o.Clock.Now()
		list, _, _, err := o.Deletions(actor(o), acc, now.AddDate(0, 0, -14).Add(-time.Hour), now)
		if err != nil || len(list) != 1 || list[0].ID != second {
			t.Errorf("delete log of the last 14 days: %v, %v", list, err)
		}
		o.Clock.Step(24 * time.Hour)
		absent(t, o, second)
		present(t, o, live)
	}
}

// TestTheBinKeepsWhatATransactionHolds until it has ended.
func TestTheBinKeepsWhatATransactionHolds(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc := object(t, o, "Account")
	id := insert(t, o, "Account", Body{{"Name", "A"}})
	drop(t, o, acc, id)
	tx := o.Begin(actor(o))
	if err := tx.Undelete(acc, id); err != nil {
		t.Fatal(err)
	}
	o.Clock.Step(16 * 24 * time.Hour)
	present(t, o, id)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	present(t, o, id)
	if value(t, o, id, "IsDeleted").True() {
		t.Error("the undelete is lost")
	}
}

func drop(t *testing.T, o *Org, obj *schema.Object, id string) {
	t.Helper()
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	if err := tx.Delete(obj, id); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// inAll says whether a query for all rows finds a record.
func inAll(t *testing.T, o *Org, id string) bool {
	t.Helper()
	obj, _ := o.Catalog.ByPrefix(id)
	c, err := o.Query(t.Context(), actor(o), "SELECT Id FROM "+obj.Name+" WHERE Id = '"+id+"'", true)
	if err != nil {
		t.Fatal(err)
	}
	return c.Total == 1
}

func present(t *testing.T, o *Org, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if !inAll(t, o, id) {
			t.Errorf("%s is gone", id)
		}
	}
}

func absent(t *testing.T, o *Org, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if inAll(t, o, id) {
			t.Errorf("%s is still there", id)
		}
	}
}
