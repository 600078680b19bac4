package org

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

func newOrg(t testing.TB) *Org {
	t.Helper()
	clock := &Clock{}
	c := schema.Standard(clock.Now)
	if err := schema.Demo(c); err != nil {
		t.Fatal(err)
	}
	o, err := New(Options{Catalog: c, Clock: clock, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func object(t testing.TB, o *Org, name string) *schema.Object {
	t.Helper()
	obj, ok := o.Catalog.Object(name)
	if !ok {
		t.Fatalf("no object %s", name)
	}
	return obj
}

func actor(o *Org) *Actor { return &Actor{User: o.admin, OAuthClient: "test", CallClient: "test/1.0"} }

func insert(t *testing.T, o *Org, name string, body Body) string {
	t.Helper()
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	id, err := tx.Insert(object(t, o, name), body)
	if err != nil {
		t.Fatalf("insert %s: %v", name, err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return id
}

func value(t *testing.T, o *Org, id, field string) schema.Value {
	t.Helper()
	var v schema.Value
	_ = o.Read(actor(o), func(view *View) error {
		r, ok := view.Find(id)
		if !ok {
			t.Fatalf("no record %s", id)
		}
		f, ok := r.Object().Field(field)
		if !ok {
			t.Fatalf("no field %s", field)
		}
		v = view.Value(r, f)
		return nil
	})
	return v
}

func TestSavePipelineErrors(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	taken := insert(t, o, "Account", Body{{"Name", "First"}, {"External_ID__c", "A-1"}})
	contact := insert(t, o, "Contact", Body{{"LastName", "Doe"}})
	cases := []struct {
		name, object, code, words string
		body                      Body
	}{
		{"unknown field", "Account", "INVALID_FIELD", "No such column 'Foo' on sobject of type Account", Body{{"Name", "x"}, {"Foo", "x"}}},
		{"read-only field", "Account", "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: CreatedDate.", Body{{"Name", "x"}, {"CreatedDate", "2026-01-01"}}},
		{"required", "Contact", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", Body{{"FirstName", "x"}}},
		{"blank is missing", "Contact", "REQUIRED_FIELD_MISSING", "[LastName]", Body{{"LastName", "   "}}},
		{"too long", "Account", "STRING_TOO_LONG", "(max length=40)", Body{{"Name", "x"}, {"AccountNumber", strings.Repeat("n", 41)}}},
		{"picklist", "Account", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist field: Tin", Body{{"Name", "x"}, {"Tier__c", "Tin"}}},
		{"duplicate in other case", "Account", "DUPLICATE_VALUE", "duplicates value on record with id: " + taken, Body{{"Name", "x"}, {"External_ID__c", "a-1"}}},
		{"malformed id", "Contact", "MALFORMED_ID", "id value of incorrect type: 12", Body{{"LastName", "x"}, {"AccountId", "12"}}},
		{"wrong object", "Contact", "FIELD_INTEGRITY_EXCEPTION", "id value of incorrect type", Body{{"LastName", "x"}, {"AccountId", contact}}},
		{"no such parent", "Contact", "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", Body{{"LastName", "x"}, {"AccountId", MakeID("001", 999999)}}},
		{"no such parent key", "Contact", "INVALID_FIELD", "Foreign key external ID: nope not found for field External_ID__c in entity Account", Body{{"LastName", "x"}, {"Account", Body{{"External_ID__c", "nope"}}}}},
		{"number range", "Account", "NUMBER_OUTSIDE_VALID_RANGE", "value outside of valid range", Body{{"Name", "x"}, {"Discount__c", json.Number("1000")}}},
		{"not a number", "Account", "JSON_PARSER_ERROR", "Cannot deserialize instance of double from VALUE_STRING value abc", Body{{"Name", "x"}, {"Score__c", "abc"}}},
		{"email", "Contact", "INVALID_EMAIL_ADDRESS", "invalid email address: nobody", Body{{"LastName", "x"}, {"Email", "nobody"}}},
		{"object for text", "Account", "JSON_PARSER_ERROR", "START_OBJECT", Body{{"Name", Body{}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tx := o.Begin(actor(o))
			defer tx.Rollback()
			_, err := tx.Insert(object(t, o, c.object), c.body)
			re, ok := errors.AsType[*RowError](err)
			if !ok || re.Code != c.code || !strings.Contains(re.Message, c.words) {
				t.Errorf("got %v; want %s with %q", err, c.code, c.words)
			}
		})
	}
}

func TestSavedRowDiffersFromWhatWasWritten(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	insert(t, o, "Account", Body{{"Name", "Parent"}, {"External_ID__c", "P-1"}})
	id := insert(t, o, "Account", Body{
		{"Name", "  Trimmed \n"}, {"Site", ""}, {"Score__c", json.Number("1.005")},
		{"Channels__c", "Email;Web;email"}, {"AnnualRevenue", json.Number("3.5e8")},
		{"Last_Review__c", "2026-11-22T14:35:00.900+02:00"}, {"Tier__c", "gold"},
		{"Parent", Body{{"External_ID__c", "p-1"}}},
	})
	want := map[string]string{
		"Name": "Trimmed", "Site": "null", "Score__c": "1.01", "Channels__c": "Web;Email", "AnnualRevenue": "350000000",
		"Last_Review__c": "2026-11-22T12:35:00.000Z", "Tier__c": "Gold", "Active__c": "false", "IsDeleted": "false",
		"OwnerId": o.admin.ID, "CreatedById": o.admin.ID, "ParentId": MakeID("001", 1),
	}
	for field, w := range want {
		if got := value(t, o, id, field).String(); got != w {
			t.Errorf("%s = %q, want %q", field, got, w)
		}
	}
	contact := insert(t, o, "Contact", Body{{"FirstName", "Ada"}, {"LastName", "Byron"}})
	if got := value(t, o, contact, "Name").Str(); got != "Ada Byron" {
		t.Errorf("Name = %q", got)
	}
}

func TestCommitDecidesVisibilityAndStampIsOlder(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc := object(t, o, "Account")
	tx := o.Begin(actor(o))
	id, err := tx.Insert(acc, Body{{"Name", "Late"}})
	if err != nil {
		t.Fatal(err)
	}
	if o.Count(acc) != 0 {
		t.Fatal("visible before commit")
	}
	start := tx.start.Truncate(time.Second)
	o.Clock.Step(10 * time.Minute)
	_, covered, err := o.Updated(actor(o), acc, start.Add(-time.Hour), o.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !covered.Equal(start) {
		t.Errorf("latestDateCovered %v, want the open transaction's start %v", covered, start)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := value(t, o, id, "SystemModstamp").Unix(); got != start.Unix() && got != start.Unix()+1 {
		t.Errorf("stamp %d is not that of the write, %d", got, start.Unix())
	}
}

func TestRowLockOfOpenTransaction(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	o.SetSwitches(Switches{LockWaitSeconds: 1})
	acc := object(t, o, "Account")
	id := insert(t, o, "Account", Body{{"Name", "A"}})
	tx1 := o.Begin(actor(o))
	if err := tx1.Update(acc, id, Body{{"Site", "one"}}); err != nil {
		t.Fatal(err)
	}
	tx2 := o.Begin(actor(o))
	defer tx2.Rollback()
	err := tx2.Update(acc, id, Body{{"Site", "two"}})
	if re, ok := errors.AsType[*RowError](err); !ok || re.Code != "UNABLE_TO_LOCK_ROW" {
		t.Fatalf("got %v, want UNABLE_TO_LOCK_ROW", err)
	}
	tx1.Rollback()
	if err := tx2.Update(acc, id, Body{{"Site", "two"}}); err != nil {
		t.Fatal(err)
	}
}

func TestDeadlockIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	o.SetSwitches(Switches{LockWaitSeconds: 3600})
	acc := object(t, o, "Account")
	a, b := insert(t, o, "Account", Body{{"Name", "A"}}), insert(t, o, "Account", Body{{"Name", "B"}})
	start := make(chan struct{})
	errs := make(chan error, 2)
	var held sync.WaitGroup
	held.Add(2)
	for _, ids := range [][2]string{{a, b}, {b, a}} {
		go func() {
			tx := o.Begin(actor(o))
			defer tx.Rollback()
			err := tx.Update(acc, ids[0], Body{{"Site", "x"}})
			held.Done()
			<-start
			errs <- errors.Join(err, tx.Update(acc, ids[1], Body{{"Site", "x"}}))
		}()
	}
	held.Wait()
	close(start)
	one, two := <-errs, <-errs
	if (one == nil) == (two == nil) {
		t.Fatalf("one of the two must give way: %v, %v", one, two)
	}
}

func TestDeleteCascadesAndUndeleteRestores(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc := object(t, o, "Account")
	a := insert(t, o, "Account", Body{{"Name", "A"}, {"External_ID__c", "k"}})
	c := insert(t, o, "Contact", Body{{"LastName", "C"}, {"AccountId", a}})
	child := insert(t, o, "Account", Body{{"Name", "Child"}, {"ParentId", a}})
	run := func(do func(tx *Tx) error) {
		t.Helper()
		tx := o.Begin(actor(o))
		defer tx.Rollback()
		if err := do(tx); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	run(func(tx *Tx) error { return tx.Delete(acc, a) })
	if !value(t, o, a, "IsDeleted").True() || !value(t, o, c, "IsDeleted").True() {
		t.Error("account and contact should be in the bin")
	}
	if v := value(t, o, child, "ParentId"); !v.IsNull() {
		t.Errorf("child's lookup is %s, want null", v)
	}
	second := insert(t, o, "Account", Body{{"Name", "Second"}, {"External_ID__c", "K"}})
	tx := o.Begin(actor(o))
	err := tx.Undelete(acc, a)
	tx.Rollback()
	if re, ok := errors.AsType[*RowError](err); !ok || re.Code != "DUPLICATE_VALUE" {
		t.Errorf("undelete against a taken key: %v", err)
	}
	run(func(tx *Tx) error { return tx.Purge(acc, second) })
	run(func(tx *Tx) error { return tx.Undelete(acc, a) })
	if value(t, o, a, "IsDeleted").True() || value(t, o, c, "IsDeleted").True() {
		t.Error("undelete should restore account and contact")
	}
	list, _, _, err := o.Deletions(actor(o), acc, o.Clock.Now().Add(-time.Hour), o.Clock.Now().Add(time.Minute))
	if err != nil || len(list) != 1 || list[0].ID != second {
		t.Errorf("delete log %v, %v; want only the purged one", list, err)
	}
}

func TestMergeMovesChildrenAndBinsTheLoser(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	acc := object(t, o, "Account")
	winner, loser := insert(t, o, "Account", Body{{"Name", "W"}}), insert(t, o, "Account", Body{{"Name", "L"}})
	contact := insert(t, o, "Contact", Body{{"LastName", "C"}, {"AccountId", loser}})
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	if err := tx.Merge(acc, winner, []string{loser, loser + "x"}); err == nil {
		t.Fatal("a merge with an unknown record must fail")
	}
	if err := tx.Merge(acc, winner, []string{loser}); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if value(t, o, contact, "AccountId").Str() != winner || value(t, o, contact, "IsDeleted").True() {
		t.Error("the contact should have moved to the winner")
	}
	if !value(t, o, loser, "IsDeleted").True() || value(t, o, loser, "MasterRecordId").Str() != winner {
		t.Error("the loser should be in the bin and name its master")
	}
	if len(o.WritesSince(3, 0)) != 3 {
		t.Errorf("log of the merge: %+v", o.WritesSince(3, 0))
	}
}

func TestWriteLogKeepsOrderAndOrigin(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	id := insert(t, o, "Account", Body{{"Name", "A"}})
	w := o.WritesSince(0, 0)
	if len(w) != 1 || w[0].ID != id || w[0].Op != "insert" || w[0].Client != "test/1.0" || w[0].Seq != 1 {
		t.Fatalf("log %+v", w)
	}
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	for _, site := range []any{"s", nil} {
		if err := tx.Update(object(t, o, "Account"), id, Body{{"Site", site}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	w = o.WritesSince(2, 0)
	if len(w) != 1 || w[0].Seq != 3 || w[0].Fields[0].Field.Name != "Site" || !w[0].Fields[0].Value.IsNull() {
		t.Fatalf("clearing a field is logged as %+v", w)
	}
}

func TestSeedIsRepeatableAndFits(t *testing.T) {
	t.Parallel()
	a, b := newOrg(t), newOrg(t)
	for _, o := range []*Org{a, b} {
		for _, name := range []string{"Account", "Contact", "Opportunity", "Project__c"} {
			if _, err := o.Seed(SeedPlan{Object: name, Rows: 300, Seed: 7, Past: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	obj := object(t, a, "Contact")
	f, _ := obj.Field("Email")
	filled := 0
	for i := range uint64(300) {
		id := MakeID("003", i+1)
		if x, y := value(t, a, id, "Email"), value(t, b, id, "Email"); x != y {
			t.Fatalf("%s differs: %s and %s", id, x, y)
		}
		if v := value(t, a, id, "Email"); textLength(v.Str()) > f.Length {
			t.Fatalf("%s is too long: %s", id, v)
		}
		if !value(t, a, id, "External_ID__c").IsNull() {
			filled++
		}
		if value(t, a, id, "Name").IsNull() {
			t.Fatalf("%s has no name", id)
		}
	}
	if filled < 150 || filled > 270 {
		t.Errorf("%d of 300 have an external id, want about 210", filled)
	}
	if _, err := a.Seed(SeedPlan{Object: "Nope", Rows: 1}); err == nil {
		t.Error("unknown object must fail")
	}
}
