package org

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/schema"
)

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	if err := o.Catalog.AddField("Account", schema.Field{Name: "Later__c", Type: schema.TypeString, Length: 20, Custom: true, Nillable: true, Createable: true, Updateable: true}); err != nil {
		t.Fatal(err)
	}
	o.SchemaChanged("Account")
	if _, err := o.Seed(SeedPlan{Object: "Account", Rows: 300, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	acc := object(t, o, "Account")
	tx := o.Begin(actor(o))
	id, err := tx.Insert(acc, Body{{"Name", "kept"}, {"Later__c", "x"}, {"External_ID__c", "Key-1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Delete(acc, MakeID("001", 5)); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	o.SetSwitches(Switches{PageRows: 7})
	if err := o.SetRules(Rules{Validations: []Validation{{Object: "Account", Condition: "Name = 'bad'", Message: "no"}}}); err != nil {
		t.Fatal(err)
	}
	u, _ := o.User(DemoUser)
	u.Permissions.SetField("Account", "Phone", FieldRights{Hidden: true}, time.Now())
	o.Clock.Step(time.Hour)

	var buf bytes.Buffer
	if err := o.Save(&buf); err != nil {
		t.Fatal(err)
	}
	state := buf.Bytes()
	back, err := Load(bytes.NewReader(state), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const all = "SELECT Id, Name, Later__c, IsDeleted, SystemModstamp FROM Account ORDER BY Id"
	if diff := cmp.Diff(rowsOf(t, o, all), rowsOf(t, back, all)); diff != "" {
		t.Errorf("records differ (-saved +loaded):\n%s", diff)
	}
	if back.ID() != o.ID() || back.Switches().PageRows != 7 || back.Clock.Offset() != o.Clock.Offset() || len(back.bin) != 1 {
		t.Errorf("org %s, switches %+v, offset %s, %d in the bin", back.ID(), back.Switches(), back.Clock.Offset(), len(back.bin))
	}
	lu, _ := back.User(DemoUser)
	lacc := object(t, back, "Account")
	phone, _ := lacc.Field("Phone")
	if !lu.Permissions.Field(lacc, phone).Hidden {
		t.Error("the right on a field is lost")
	}
	ltx := back.Begin(actor(back))
	defer ltx.Rollback()
	ext, _ := lacc.Field("External_ID__c")
	if got, created, err := ltx.Upsert(lacc, ext, "key-1", Body{{"Name", "again"}}); err != nil || created || got != id {
		t.Errorf("upsert by a loaded key: %s %t %v", got, created, err)
	}
	if _, err := ltx.Insert(lacc, Body{{"Name", "bad"}}); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("the loaded rule says %v", err)
	}
	fresh, err := ltx.Insert(lacc, Body{{"Name", "new"}})
	if err != nil || fresh <= id {
		t.Errorf("a new record is %s, %v", fresh, err)
	}

	for name, bad := range map[string][]byte{"empty": nil, "cut": state[:len(state)-10], "other": []byte(strings.Repeat("x", 100))} {
		if _, err := Load(bytes.NewReader(bad), Options{}); err == nil {
			t.Errorf("a state that is %s was loaded", name)
		}
	}
	if err := o.Replace(bytes.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rowsOf(t, back, all), rowsOf(t, o, all)); diff != "" {
		t.Errorf("after replacing (-want +got):\n%s", diff)
	}
}

func rowsOf(t *testing.T, o *Org, query string) []string {
	t.Helper()
	cur, err := o.Query(context.Background(), actor(o), query, true)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	err = o.Read(actor(o), func(v *View) error {
		for _, id := range cur.Result.IDs {
			r, _ := v.ByID(cur.Bound.Object, id)
			line := id
			for _, c := range cur.Bound.Columns {
				line += "|" + v.Value(r, c.Field).String()
			}
			list = append(list, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
