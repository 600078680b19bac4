package events

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// Events read the same after a restart, also those of an object that has been
// defined otherwise since.
func TestEventsAreKept(t *testing.T) {
	t.Parallel()
	catalog := schema.Standard(nil)
	if err := schema.Demo(catalog); err != nil {
		t.Fatal(err)
	}
	o, err := org.New(org.Options{Catalog: catalog, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	bus := New(o)
	user, _ := o.User(org.IntegrationUser)
	actor := &org.Actor{User: user, Origin: "com/salesforce/api/rest/68.0"}
	write := func(do func(tx *org.Tx, obj *schema.Object) error) {
		t.Helper()
		obj, _ := o.Catalog.Object("Account")
		tx := o.Begin(actor)
		if err := do(tx, obj); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var id string
	write(func(tx *org.Tx, obj *schema.Object) (err error) {
		id, err = tx.Insert(obj, org.Body{{Name: "Name", Raw: "a"}, {Name: "BillingCity", Raw: "Bonn"}, {Name: "Rating", Raw: "Hot"}})
		return err
	})
	write(func(tx *org.Tx, obj *schema.Object) error {
		return tx.Update(obj, id, org.Body{{Name: "BillingCity", Raw: nil}, {Name: "Rating", Raw: nil}, {Name: "Phone", Raw: "1"}})
	})
	if err := o.Catalog.DropField("Account", "Tier__c"); err != nil {
		t.Fatal(err)
	}
	write(func(tx *org.Tx, obj *schema.Object) error { return tx.Delete(obj, id) })
	if err := bus.Manage("Sub", "/data/AccountChangeEvent"); err != nil {
		t.Fatal(err)
	}
	bus.Deliver(3)

	var file bytes.Buffer
	if err := bus.Save(&file); err != nil {
		t.Fatal(err)
	}
	kept := New(o)
	if err := kept.Load(&file); err != nil {
		t.Fatal(err)
	}
	read := func(b *Bus) (list [][]any) {
		for _, e := range b.After(AllChanges, 0, 100) {
			list = append(list, []any{e.Replay, e.ID, e.Topic, e.Layout.ID, e.Layout.JSON, e.Payload(actor), e.Brief()})
		}
		quota, used := b.Deliveries()
		managed, _ := b.Managed("Sub")
		floor, tip := b.Bounds()
		return append(list, []any{quota, used, managed, floor, tip, b.Selected(), b.Mark()})
	}
	was := read(bus)
	if len(was) != 4 {
		t.Fatalf("%d events, want 3", len(was)-1)
	}
	if diff := cmp.Diff(was, read(kept), cmp.AllowUnexported(Mark{})); diff != "" {
		t.Errorf("kept events differ (-want +got):\n%s", diff)
	}
	if _, ok := kept.Schema(was[0][3].(string)); !ok {
		t.Error("the schema of before the field was dropped is gone")
	}
	if err := New(o).Load(bytes.NewReader(file.Bytes())); err == nil {
		t.Error("an empty file must be refused")
	}
}

func TestSwappedEvents(t *testing.T) {
	t.Parallel()
	o, err := org.New(org.Options{Catalog: schema.Standard(nil), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	bus := New(o)
	if err := bus.Spoil(Spoil{Kind: "swap", Object: "Account", Count: 1}); err != nil {
		t.Fatal(err)
	}
	user, _ := o.User(org.IntegrationUser)
	obj, _ := o.Catalog.Object("Account")
	var ids, got []string
	for _, name := range []string{"a", "b", "c"} {
		tx := o.Begin(&org.Actor{User: user})
		id, err := tx.Insert(obj, org.Body{{Name: "Name", Raw: name}})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, e := range bus.After(AllChanges, 0, 10) {
		got = append(got, e.head.ids...)
	}
	if diff := cmp.Diff([]string{ids[1], ids[0], ids[2]}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
