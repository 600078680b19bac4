package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
)

// org is a small describe of a few objects.
func org() map[string]*sobject.Object {
	system := func(fields ...sobject.Field) []sobject.Field {
		return append([]sobject.Field{
			{Name: "Id", Type: "id", Length: 18, IDLookup: true},
			{Name: "IsDeleted", Type: "boolean"},
			{Name: "SystemModstamp", Type: "datetime"},
		}, fields...)
	}
	rw := func(name string, fields []sobject.Field) *sobject.Object {
		return &sobject.Object{Name: name, Queryable: true, Createable: true, Updateable: true, Deletable: true, Fields: fields}
	}
	user := rw("User", []sobject.Field{{Name: "Id", Type: "id"}, {Name: "SystemModstamp", Type: "datetime"}, {Name: "Username", Type: "string", Length: 80, IDLookup: true}})
	account := rw("Account", system(
		sobject.Field{Name: "Name", Type: "string", Length: 255, Createable: true, Updateable: true},
		sobject.Field{Name: "Type", Type: "picklist", Length: 40, Createable: true, Updateable: true},
		sobject.Field{Name: "Description", Type: "textarea", Length: 32000, ExtraTypeInfo: "plaintextarea", Createable: true},
		sobject.Field{Name: "BillingAddress", Type: "address"},
		sobject.Field{Name: "BillingCity", Type: "string", Length: 40, CompoundFieldName: "BillingAddress"},
		sobject.Field{Name: "BillingStreet", Type: "textarea", Length: 255, CompoundFieldName: "BillingAddress"},
		sobject.Field{Name: "NumberOfEmployees", Type: "int"},
		sobject.Field{Name: "AnnualRevenue", Type: "currency", Precision: 18},
		sobject.Field{Name: "Area__c", Type: "multipicklist", Length: 4099, PicklistValues: []sobject.PicklistValue{{Value: "West"}, {Value: "East"}}},
		sobject.Field{Name: "Grade__c", Type: "string", Length: 1300, Calculated: true},
		sobject.Field{Name: "Ratio__c", Type: "double", Scale: 2, Calculated: true},
		sobject.Field{Name: "ParentId", Type: "reference", Length: 18, ReferenceTo: []string{"Account"}, RelationshipName: "Parent", Createable: true, Updateable: true},
		sobject.Field{Name: "OwnerId", Type: "reference", Length: 18, ReferenceTo: []string{"Group", "User"}, RelationshipName: "Owner"},
		sobject.Field{Name: "PG_ID__c", Type: "string", Length: 36, ExternalID: true, Unique: true, IDLookup: true, Createable: true, Updateable: true},
		sobject.Field{Name: "CurrencyIsoCode", Type: "picklist", Length: 255},
		sobject.Field{Name: "Logo__c", Type: "base64"},
	))
	invoice := rw("ns__Invoice__c", system(
		sobject.Field{Name: "ns__Account__c", Type: "reference", Length: 18, ReferenceTo: []string{"Account"}, RelationshipName: "ns__Account__r", Createable: true},
		sobject.Field{Name: "Owner__c", Type: "reference", Length: 18, ReferenceTo: []string{"User"}, RelationshipName: "Owner__r"},
		sobject.Field{Name: "Hidden__c", Type: "reference", Length: 18, ReferenceTo: []string{"Secret__c"}, RelationshipName: "Hidden__r"},
		sobject.Field{Name: "Account__PG_ID__c", Type: "string", Length: 10},
		sobject.Field{Name: "_hc_err", Type: "string", Length: 10},
		sobject.Field{Name: "Long" + strings.Repeat("x", 57) + "__c", Type: "string", Length: 10},
	))
	history := &sobject.Object{Name: "AccountHistory", Queryable: true, Fields: []sobject.Field{{Name: "Id", Type: "id"}}}
	return map[string]*sobject.Object{"account": account, "user": user, "ns__invoice__c": invoice, "accounthistory": history}
}

func describe(objects map[string]*sobject.Object) func(string) (*sobject.Object, error) {
	return func(name string) (*sobject.Object, error) {
		if o := objects[strings.ToLower(name)]; o != nil {
			return o, nil
		}
		return nil, fmt.Errorf("describe %s: %w", name, sobject.ErrUnknown)
	}
}

func TestResolveColumns(t *testing.T) {
	t.Parallel()
	table, err := mapping.Resolve(mapping.Mapping{
		ObjectName: "account", Access: mapping.ReadWrite,
		Fields: []string{
			"PG_ID__c", "Id", "name", "Type", "Description", "BillingStreet", "NumberOfEmployees", "AnnualRevenue", "Area__c",
			"Grade__c", "Ratio__c", "ParentId", "OwnerId", "parent__pg_id__c", "CurrencyIsoCode",
		},
		Indexes:     map[string]mapping.Index{"ParentId": {}, "name": {Unique: true}},
		UpsertField: "PG_ID__c",
	}, describe(org()))
	if err != nil {
		t.Fatal(err)
	}
	if table.Object != "Account" || table.Name != "account" || table.Upsert != 0 {
		t.Errorf("table %s %s, upsert %d", table.Object, table.Name, table.Upsert)
	}
	var got []string
	for _, c := range table.Columns {
		line := fmt.Sprintf("%s %s %d/%d", c.Path(), c.Name, c.Type.Kind, c.Type.Length)
		if c.Createable {
			line += " c"
		}
		if c.Updateable {
			line += " u"
		}
		if c.Indexed {
			line += " i"
		}
		if c.Unique {
			line += " unique"
		}
		if c.Target != "" {
			line += " -> " + c.Target
		}
		if c.Lookup != "" {
			line += " by " + c.Relationship + " through " + c.Lookup
		}
		got = append(got, line)
	}
	want := []string{
		"PG_ID__c pg_id__c 1/36 c u i unique",
		"Id sfid 2/18 i unique",
		"Name name 1/255 c u i unique",
		"Type type 1/255 c u",
		"Description description 1/0 c",
		"BillingStreet billingstreet 1/255",
		"NumberOfEmployees numberofemployees 5/0",
		"AnnualRevenue annualrevenue 6/0",
		"Area__c area__c 3/4099",
		"Grade__c grade__c 1/1300",
		"Ratio__c ratio__c 6/0",
		"ParentId parentid 2/18 c u i -> Account",
		"OwnerId ownerid 2/18",
		"Parent.PG_ID__c parent__pg_id__c 1/36 c u -> Account by Parent through ParentId",
		"CurrencyIsoCode currencyisocode 1/3",
		"SystemModstamp systemmodstamp 8/0 i",
		"IsDeleted isdeleted 4/0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	l := table.Layout
	if l.ID != 1 || l.Stamp != 15 || l.Deleted != 16 || len(l.Columns) != 17 {
		t.Errorf("layout positions %d %d %d", l.ID, l.Stamp, l.Deleted)
	}
	if diff := cmp.Diff([]string{"West", "East"}, table.Column("area__c").Type.Order); diff != "" {
		t.Error(diff)
	}
	if table.Column("ratio__c").Type.Scale != -1 || table.Column("annualrevenue").Type.Scale != 0 {
		t.Error("scale: a formula's is unknown, a stored number's is the describe's")
	}
}

func TestResolveRelationships(t *testing.T) {
	t.Parallel()
	table, err := mapping.Resolve(mapping.Mapping{
		ObjectName: "ns__Invoice__c", Access: mapping.ReadOnly,
		Fields: []string{"ns__Account__r__PG_ID__c", "Owner__r__Username", "Account__PG_ID__c"},
	}, describe(org()))
	if err != nil {
		t.Fatal(err)
	}
	type column struct {
		path, name, lookup string
		kind               record.Kind
	}
	var got []column
	for _, c := range table.Columns[:3] {
		got = append(got, column{c.Path(), c.Name, c.Lookup, c.Type.Kind})
	}
	want := []column{
		{"ns__Account__r.PG_ID__c", "ns__account__r__pg_id__c", "ns__Account__c", record.Text},
		{"Owner__r.Username", "owner__r__username", "Owner__c", record.Text},
		{"Account__PG_ID__c", "account__pg_id__c", "", record.Text},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(column{})); diff != "" {
		t.Error(diff)
	}
	if table.Columns[0].Updateable || !table.Columns[0].Createable {
		t.Error("a relationship column may be written as its lookup may")
	}
}

func TestResolveObjectWithoutIsDeleted(t *testing.T) {
	t.Parallel()
	table, err := mapping.Resolve(mapping.Mapping{ObjectName: "User", Access: mapping.ReadOnly}, describe(org()))
	if err != nil {
		t.Fatal(err)
	}
	if table.Layout.Deleted != -1 || table.Layout.ID < 0 || table.Layout.Stamp < 0 {
		t.Errorf("positions %d %d %d", table.Layout.ID, table.Layout.Stamp, table.Layout.Deleted)
	}
}

func TestResolveTellsEverything(t *testing.T) {
	t.Parallel()
	long := "Long" + strings.Repeat("x", 57) + "__c"
	for _, tt := range []struct {
		name string
		in   mapping.Mapping
		want []string // a piece of each error, in order
	}{
		{"unknown object", mapping.Mapping{ObjectName: "Acount"}, []string{"Acount: the object does not exist in the org or the user may not see it"}},
		{"no writes", mapping.Mapping{ObjectName: "AccountHistory", Access: mapping.ReadWrite}, []string{"may not create, change or delete"}},
		{"knowledge", mapping.Mapping{ObjectName: "FAQ__kav"}, []string{"PublishStatus"}},
		{"big object", mapping.Mapping{ObjectName: "Click__b"}, []string{"big objects"}},
		{"event", mapping.Mapping{ObjectName: "AccountChangeEvent"}, []string{"change events"}},
		{"access", mapping.Mapping{ObjectName: "Account", Access: "rw"}, []string{`access "rw" is not known`}},
		{"fields", mapping.Mapping{
			ObjectName: "account", Access: mapping.ReadWrite,
			Fields: []string{
				"Id", "Nmae", "BillingAddress", "Logo__c", "Owner__Username", "Parent__Name", "Parent__Nope__c", "Name", "name",
				`x"; drop table account--`,
			},
			Indexes:     map[string]mapping.Index{"Type": {}, "Nmae": {}},
			UpsertField: "Name",
		}, []string{
			"Account.Nmae: the field does not exist on the object, or the user may not see it",
			"Account.BillingAddress: a compound field (address) is not a column; map its parts instead: BillingCity, BillingStreet",
			"Account.Logo__c: binary fields",
			"Account.Owner__Username: OwnerId may point to several objects",
			"Account.Parent__Name: Account.Name is not an external ID",
			"Account.Parent__Nope__c: Account has no field Nope__c",
			"Account.name: the field is mapped twice",
			`drop table account--: the field does not exist`,
			"Account.Type: the field has an index but is not mapped",
			"Account.Name: the unique identifier (upsert_field) is not an external ID",
		}},
		{"names", mapping.Mapping{
			ObjectName: "ns__Invoice__c", Access: mapping.ReadOnly, Fields: []string{"_hc_err", long, "Hidden__r__X__c"}, UpsertField: "Nope",
		}, []string{
			"Hidden__r__X__c: the user may not see the object Secret__c",
			"Nope: the unique identifier (upsert_field) is not among the mapped fields",
			"_hc_err is one that every mapped table has",
			"has 64 bytes; Postgres keeps 63",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.in.Access == "" {
				tt.in.Access = mapping.ReadOnly
			}
			_, err := mapping.Resolve(tt.in, describe(org()))
			var list mapping.ConfigErrors
			if !errors.As(err, &list) {
				t.Fatalf("error %v is no ConfigErrors", err)
			}
			var one *mapping.ConfigError
			if !errors.As(err, &one) {
				t.Error("a single ConfigError is not found in it")
			}
			if len(list) != len(tt.want) {
				t.Fatalf("got %d errors, want %d:\n%v", len(list), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.Contains(list[i].Error(), want) {
					t.Errorf("error %d: %q lacks %q", i, list[i].Error(), want)
				}
				if list[i].Fix == "" {
					t.Errorf("error %d says nothing of what to do: %v", i, list[i])
				}
			}
		})
	}
}

func TestResolveKeepsDescribeFailure(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	_, err := mapping.Resolve(mapping.Mapping{ObjectName: "Account"}, func(string) (*sobject.Object, error) { return nil, down })
	var config *mapping.ConfigError
	if !errors.Is(err, down) || errors.As(err, &config) {
		t.Errorf("got %v: a failed describe is nobody's configuration error", err)
	}
}

func TestCheckDuplicates(t *testing.T) {
	t.Parallel()
	if err := mapping.CheckDuplicates([]mapping.Mapping{{ObjectName: "Account"}, {ObjectName: "Contact"}}); err != nil {
		t.Error(err)
	}
	err := mapping.CheckDuplicates([]mapping.Mapping{{ObjectName: "Account"}, {ObjectName: "account"}})
	if err == nil || !strings.Contains(err.Error(), "account: the object is mapped twice") {
		t.Errorf("got %v", err)
	}
}
