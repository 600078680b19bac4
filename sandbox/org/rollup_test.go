package org

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const rollupSchema = `{"objects":[
 {"name":"Invoice__c","keyPrefix":"a50","fields":[
  {"name":"Lines__c","type":"double","scale":0,"rollup":{"object":"Line__c","via":"Invoice__c","function":"COUNT"}},
  {"name":"Total__c","type":"currency","scale":2,"rollup":{"object":"Line__c","via":"Invoice__c","function":"SUM","field":"Amount__c"}},
  {"name":"Largest__c","type":"currency","scale":2,"rollup":{"object":"Line__c","via":"Invoice__c","function":"MAX","field":"Amount__c","where":"Open__c = true"}}]},
 {"name":"Line__c","keyPrefix":"a51","fields":[
  {"name":"Invoice__c","type":"reference","referenceTo":["Invoice__c"],"masterDetail":true,"childRelationshipName":"Lines__r"},
  {"name":"Amount__c","type":"currency","scale":2},{"name":"Open__c","type":"boolean"}]}]}`

func TestRollups(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	if err := o.Catalog.LoadJSON(strings.NewReader(rollupSchema)); err != nil {
		t.Fatal(err)
	}
	invoice, line := object(t, o, "Invoice__c"), object(t, o, "Line__c")
	write := func(do func(tx *Tx) error) {
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
	var a, b, l string
	add := func(tx *Tx, parent, amount, open string) (id string) {
		id, err := tx.Insert(line, Body{{"Invoice__c", parent}, {"Amount__c", amount}, {"Open__c", open}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	sums := func(id string) string {
		t.Helper()
		rows := rowsOf(t, o, "SELECT Id, Lines__c, Total__c, Largest__c FROM Invoice__c WHERE Id = '"+id+"'")
		return strings.TrimPrefix(rows[0], id+"|"+id+"|")
	}
	write(func(tx *Tx) (err error) {
		if a, err = tx.Insert(invoice, Body{}); err != nil {
			return err
		}
		b, err = tx.Insert(invoice, Body{})
		return err
	})
	steps := []struct {
		name string
		do   func(tx *Tx) error
		want [2]string
	}{
		{"nothing yet", func(*Tx) error { return nil }, [2]string{"0|0|null", "0|0|null"}},
		{"lines", func(tx *Tx) error {
			l = add(tx, a, "10.5", "true")
			add(tx, a, "20", "false")
			return nil
		}, [2]string{"2|30.5|10.5", "0|0|null"}},
		{"amount", func(tx *Tx) error { return tx.Update(line, l, Body{{"Amount__c", "1"}}) }, [2]string{"2|21|1", "0|0|null"}},
		{"delete", func(tx *Tx) error { return tx.Delete(line, l) }, [2]string{"1|20|null", "0|0|null"}},
		{"undelete", func(tx *Tx) error { return tx.Undelete(line, l) }, [2]string{"2|21|1", "0|0|null"}},
		{"delete of the parent", func(tx *Tx) error { return tx.Delete(invoice, b) }, [2]string{"2|21|1", "0|0|null"}},
	}
	for _, s := range steps {
		write(s.do)
		if diff := cmp.Diff(s.want, [2]string{sums(a), sums(b)}); diff != "" {
			t.Errorf("%s: sums differ (-want +got):\n%s", s.name, diff)
		}
	}
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	if err := tx.Update(invoice, a, Body{{"Total__c", "5"}}); err == nil || !strings.Contains(err.Error(), "INVALID_FIELD_FOR_INSERT_UPDATE") {
		t.Errorf("a roll-up was written: %v", err)
	}
	if len(o.locks) != 0 {
		t.Errorf("locks are left: %v", o.locks)
	}
}

func TestRollupsOfSeededRecords(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	if err := o.Catalog.LoadJSON(strings.NewReader(rollupSchema)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []SeedPlan{{Object: "Invoice__c", Rows: 3, Seed: 1}, {Object: "Line__c", Rows: 40, Seed: 1}} {
		if _, err := o.Seed(p); err != nil {
			t.Fatal(err)
		}
	}
	total := 0.0
	invoice := object(t, o, "Invoice__c")
	f, _ := invoice.Field("Lines__c")
	_ = o.Read(actor(o), func(v *View) error {
		for r := range v.Scan(invoice) {
			total += r.Value(f.Slot).Float()
		}
		return nil
	})
	if total != 40 {
		t.Errorf("the invoices count %v lines, want 40", total)
	}
}
