package schema_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func demo(t testing.TB) *schema.Catalog {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := schema.Standard(func() time.Time { at = at.Add(time.Second); return at })
	if err := schema.Demo(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func object(t testing.TB, c *schema.Catalog, name string) *schema.Object {
	t.Helper()
	o, ok := c.Object(name)
	if !ok {
		t.Fatalf("no object %s", name)
	}
	return o
}

func TestStandardObjects(t *testing.T) {
	t.Parallel()
	c := demo(t)
	for name, want := range map[string]string{
		"Account": "001", "contact": "003", "OPPORTUNITY": "006", "User": "005", "Lead": "00Q", "Case": "500", "Task": "00T",
		"Event": "00U", "Campaign": "701", "CampaignMember": "00v", "Product2": "01t", "Pricebook2": "01s", "PricebookEntry": "01u",
		"OpportunityLineItem": "00k", "Order": "801", "OrderItem": "802", "Asset": "02i", "Contract": "800", "Attachment": "00P",
		"ContentVersion": "068", "Note": "002", "Group": "00G", "UserRole": "00E", "RecordType": "012", "Profile": "00e",
		"Organization": "00D", "OpportunityContactRole": "00K", "Project__c": "a00",
	} {
		if o := object(t, c, name); o.KeyPrefix != want {
			t.Errorf("%s has prefix %s, want %s", name, o.KeyPrefix, want)
		}
	}
	for _, o := range c.Objects() {
		checkObject(t, c, o)
	}
}

// absent are the objects that standard lookups point to and the org lacks.
var absent = []string{"BusinessProcess", "Calendar", "CallCenter", "DandBCompany", "ExternalDataSource",
	"Individual", "OperatingHours", "OpportunityHistory"}

// checkObject holds what every definition must fulfil.
func checkObject(t *testing.T, c *schema.Catalog, o *schema.Object) {
	t.Helper()
	if o.Name != schema.NameObject {
		for _, name := range []string{"Id", "SystemModstamp"} {
			if _, ok := o.Field(name); !ok {
				t.Errorf("%s has no %s", o.Name, name)
			}
		}
	}
	for _, f := range o.Fields {
		if f.Type.Kind() == schema.KindText && f.Length == 0 && f.Type != schema.TypeBase64 {
			t.Errorf("%s.%s has no length", o.Name, f.Name)
		}
		if (f.Type == schema.TypeReference) != (len(f.ReferenceTo) > 0) {
			t.Errorf("%s.%s: type %s refers to %v", o.Name, f.Name, f.Type, f.ReferenceTo)
		}
		for _, to := range f.ReferenceTo {
			if _, ok := c.Object(to); !ok && !slices.Contains(absent, to) {
				t.Errorf("%s.%s refers to unknown %s", o.Name, f.Name, to)
			}
		}
		if _, ok := o.Field(f.CompoundFieldName); f.CompoundFieldName != "" && !ok {
			t.Errorf("%s.%s is part of unknown %s", o.Name, f.Name, f.CompoundFieldName)
		}
		if o.BySlot(f.Slot) != f {
			t.Errorf("%s.%s is not under its slot", o.Name, f.Name)
		}
	}
	seen := map[string]bool{}
	for _, rel := range c.Children(o.Name) {
		if rel.Name != "" && seen[rel.Name] {
			t.Errorf("%s has two child relationships %s", o.Name, rel.Name)
		}
		seen[rel.Name] = true
	}
}

// TestStandardFieldsAreDescribedAsInSalesforce where they differ from their kind.
func TestStandardFieldsAreDescribedAsInSalesforce(t *testing.T) {
	t.Parallel()
	c := demo(t)
	fields := map[string]schema.FieldDescribe{}
	for _, name := range []string{"Account", "Contact", "Contract", "Event", "Lead", "Opportunity", "Order", "User"} {
		for _, f := range c.Describe(object(t, c, name), "68.0", nil).Fields {
			fields[name+"."+f.Name] = f
		}
	}
	for name, to := range map[string]string{
		"Account.DandbCompanyId": "DandBCompany", "Account.OperatingHoursId": "OperatingHours",
		"Contact.IndividualId": "Individual", "Lead.IndividualId": "Individual", "User.IndividualId": "Individual",
		"Order.BillToContactId": "Contact", "Order.ShipToContactId": "Contact", "Contract.Pricebook2Id": "Pricebook2",
	} {
		f := fields[name]
		if !slices.Equal(f.ReferenceTo, []string{to}) || !f.Nillable || !f.Createable || !f.Updateable {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, ok := range map[string]bool{
		"Opportunity.Probability fills itself":           fields["Opportunity.Probability"].DefaultedOnCreate,
		"Opportunity.ExpectedRevenue can be hidden":      fields["Opportunity.ExpectedRevenue"].Permissionable,
		"Opportunity.HasOpenActivity groups":             fields["Opportunity.HasOpenActivity"].Groupable,
		"Event.WhoId filters searches":                   fields["Event.WhoId"].SearchPrefilterable,
		"Account.RecordTypeId doesn't":                   !fields["Account.RecordTypeId"].SearchPrefilterable,
		"User.UserPreferencesShowCityToGuestUsers is no": fields["User.UserPreferencesShowCityToGuestUsers"].DefaultValue == false,
	} {
		if !ok {
			t.Errorf("wrong: %s", name)
		}
	}
}

func TestDemoHasFieldsToMap(t *testing.T) {
	t.Parallel()
	o := object(t, demo(t), "Account")
	n := 0
	for _, f := range o.Fields {
		if f.Stored() && f.Type != schema.TypeBase64 {
			n++
		}
	}
	if n < 60 {
		t.Errorf("Account has %d stored fields", n)
	}
	if members := o.Members("BillingAddress"); len(members) != 8 || members[0].Name != "BillingStreet" {
		t.Errorf("members of BillingAddress: %v", members)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	c := demo(t)
	hidden := func(_ *schema.Object, f *schema.Field) bool { return f.Name == "Notes__c" }
	golden(t, "project_describe.json", c.Describe(object(t, c, "Project__c"), "68.0", hidden))
	account := c.Describe(object(t, c, "Account"), "64.0", nil)
	for i, f := range account.Fields {
		if f.Name == "AnnualRevenue" || f.Name == "Industry" || f.Name == "Description" || f.Name == "Region_Label__c" {
			golden(t, strings.ToLower(f.Name)+"_field.json", account.Fields[i])
		}
	}
	g := c.DescribeGlobal("68.0", func(o *schema.Object) bool { return o.Name == "Account" })
	golden(t, "global.json", g)
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("%s (rewrite with -update):\n%s", path, diff)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	c := demo(t)
	before := object(t, c, "Project__c")
	steps := []error{
		c.AddField("project__c", schema.Field{Name: "Extra__c", Type: schema.TypeString, Length: 20}),
		c.RenameField("Project__c", "Extra__c", "More__c"),
		c.SetLength("Project__c", "More__c", 40),
		c.RetypeField("Project__c", "Budget__c", schema.TypeString, schema.Field{Length: 30}),
		c.DropField("Project__c", "Start__c"),
	}
	for i, err := range steps {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	after := object(t, c, "Project__c")
	if _, ok := before.Field("More__c"); ok {
		t.Error("an edit changed an object already handed out")
	}
	more, ok := after.Field("more__C")
	if !ok || more.Length != 40 || more.Slot != before.Slots() {
		t.Errorf("added field: %+v", more)
	}
	if old, _ := before.Field("Start__c"); after.BySlot(old.Slot) != nil {
		t.Error("a dropped field is still under its slot")
	}
	if b, _ := after.Field("Budget__c"); b.Type != schema.TypeString || b.Length != 30 {
		t.Errorf("retyped field: %+v", b)
	}
	if !after.LastModified.After(before.LastModified) || c.Version() == 0 {
		t.Error("an edit leaves no stamp")
	}
}

func TestEditErrors(t *testing.T) {
	t.Parallel()
	c := demo(t)
	for name, tt := range map[string]struct{ err, want error }{
		"unknown object":   {c.DropField("Nope", "Name"), schema.ErrNotFound},
		"unknown field":    {c.SetLength("Account", "Nope", 5), schema.ErrNotFound},
		"field there":      {c.AddField("Account", schema.Field{Name: "NAME"}), schema.ErrExists},
		"name taken":       {c.RenameField("Account", "Phone", "fax"), schema.ErrExists},
		"object there":     {c.AddObject(schema.Object{Name: "account"}), schema.ErrExists},
		"prefix taken":     {c.AddObject(schema.Object{Name: "New__c", KeyPrefix: "001"}), schema.ErrExists},
		"two equal fields": {c.AddObject(schema.Object{Name: "N__c", Fields: []*schema.Field{{Name: "A"}, {Name: "a"}}}), schema.ErrExists},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
	if err := c.AddField("Account", schema.Field{Name: "F__c", Formula: "1 +"}); err == nil || !strings.Contains(err.Error(), "formula") {
		t.Errorf("a bad formula: %v", err)
	}
}

func TestReadersDuringEdits(t *testing.T) {
	t.Parallel()
	c := demo(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				o, _ := c.Object("Account")
				for _, f := range o.Fields {
					if o.BySlot(f.Slot) != f {
						t.Error("an object that doesn't fit itself")
					}
				}
				c.Children("Account")
				if i == 25 {
					c.Objects()
				}
			}
		})
	}
	for i := range 50 {
		if err := c.AddField("Account", schema.Field{Name: fmt.Sprintf("F%d__c", i), Type: schema.TypeDate}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestLoadJSON(t *testing.T) {
	t.Parallel()
	c := demo(t)
	err := c.LoadJSON(strings.NewReader(`{
		"objects": [{"name": "Visit__c", "label": "Visit", "fields": [
			{"name": "Account__c", "type": "reference", "referenceTo": ["Account"], "childRelationshipName": "Visits__r", "masterDetail": true},
			{"name": "Kind__c", "type": "picklist", "values": ["Phone", "On site"], "restricted": true, "default": "Phone"},
			{"name": "Cost__c", "type": "currency", "precision": 10, "scale": 2}]}],
		"fields": {"Account": [{"name": "Visit_Count__c", "type": "double", "precision": 5}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	o := object(t, c, "Visit__c")
	if o.KeyPrefix != "a01" {
		t.Errorf("prefix %s, want the first free one, a01", o.KeyPrefix)
	}
	if _, ok := o.Field("OwnerId"); ok {
		t.Error("a detail has an owner of its own")
	}
	kind, _ := o.Field("Kind__c")
	if kind.Default != schema.Text("Phone") || !kind.Picklist[0].Default {
		t.Errorf("default of the picklist: %+v", kind)
	}
	if rel, ok := c.ChildByName("account", "visits__R"); !ok || rel.Field.Name != "Account__c" || !rel.Field.CascadeDelete {
		t.Errorf("child relationship: %+v", rel)
	}
	if _, ok := object(t, c, "Account").Field("Visit_Count__c"); !ok {
		t.Error("the field on Account is missing")
	}
}

func TestLoadJSONErrors(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`nonsense`:                         "invalid character",
		`{"objekts": []}`:                  `unknown field "objekts"`,
		`{"objects": [{"name": "Visit"}]}`: `object "Visit": a custom object's name`,
		`{"objects": [{"name": "Visit__c", "keyPrefix": "abcd"}]}`:                                                `key prefix "abcd"`,
		`{"objects": [{"name": "Project__c"}]}`:                                                                   "already exists",
		`{"fields": {"Nope": []}}`:                                                                                `fields of "Nope": not found`,
		`{"fields": {"Account": [{"name": "X", "type": "string"}]}}`:                                              `field "X": a custom field's name`,
		`{"fields": {"Account": [{"name": "X__c", "type": "text"}]}}`:                                             `type "text" is not one of`,
		`{"fields": {"Account": [{"name": "X__c", "type": "string", "length": 5000}]}}`:                           "length 5000 is not in 1 to 1300",
		`{"fields": {"Account": [{"name": "X__c", "type": "double", "precision": 19}]}}`:                          "18 digits in all",
		`{"fields": {"Account": [{"name": "X__c", "type": "picklist"}]}}`:                                         "a picklist needs values",
		`{"fields": {"Account": [{"name": "X__c", "type": "date", "values": ["a"]}]}}`:                            "values given for type date",
		`{"fields": {"Account": [{"name": "X__c", "type": "reference"}]}}`:                                        "a reference needs referenceTo",
		`{"fields": {"Account": [{"name": "X__c", "type": "boolean", "externalId": true}]}}`:                      "can't be unique or an external id",
		`{"fields": {"Account": [{"name": "X__c", "type": "string", "formula": "IF(1)"}]}}`:                       "IF takes 3 to 3 arguments",
		`{"fields": {"Account": [{"name": "X__c", "type": "date", "default": true}]}}`:                            "does not fit type date",
		`{"fields": {"Account": [{"name": "Phone__c", "type": "phone"}, {"name": "phone__C", "type": "phone"}]}}`: "__c",
	} {
		c := demo(t)
		err := c.LoadJSON(strings.NewReader(input))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", input, err, want)
		}
	}
}

func TestFormatDouble(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 350000000: "3.5E8", 1e7: "1.0E7", 9999999: "9999999.0",
		0.001: "0.001", 0.0001: "1.0E-4", 123456789.25: "1.2345678925E8", math.Copysign(0, -1): "0.0",
	} {
		if got := schema.FormatDouble(in); got != want {
			t.Errorf("FormatDouble(%v) = %s, want %s", in, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1700-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "4000-12-31"} {
		days, err := schema.ParseDate(s)
		if err != nil || schema.FormatDate(days) != s {
			t.Errorf("%s becomes %s (%v)", s, schema.FormatDate(days), err)
		}
	}
}
