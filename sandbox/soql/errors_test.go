package soql_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestErrors keeps the words of every refusal in testdata/errors.golden.
func TestErrors(t *testing.T) {
	t.Parallel()
	queries := []string{
		"",
		"SELECT",
		"SELECT FROM Account",
		"SELECT Id FROM",
		"SELECT Id, FROM Account",
		"SELECT Id FROM Account LIMIT x",
		"SELECT Id FROM Account WHERE",
		"SELECT Id FROM Account WHERE Name == 'x'",
		"SELECT Id FROM Account WHERE Name = 'x",
		"SELECT Id FROM Account WHERE Name = 'a\\q'",
		"SELECT Id FROM Account WHERE Name = ?",
		"SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
		"SELECT Id FROM Account WHERE Name = 'a' Name = 'b'",
		"SELECT Id FROM Account; DROP",
		"SELECT * FROM Account",
		"SELECT Id FROM Nothing",
		"SELECT Id, Foo FROM Account",
		"SELECT Id\n     , Foo FROM Account",
		"SELECT Id FROM Account WHERE Foo__c = 'x' ORDER BY Name",
		"SELECT Id, Name, AnnualRevenue, NumberOfEmployees, Industry, Rating, Foo__c, Phone, Fax, Website, Site FROM Account",
		"SELECT Id, Boss.Name FROM Account",
		"SELECT Id, Owner.Nope FROM Account",
		"SELECT Id, (SELECT Id FROM Kids) FROM Account",
		"SELECT Id, Id FROM Account",
		"SELECT Name, Secret__c FROM Account",
		"SELECT Id FROM Account WHERE Description = 'x'",
		"SELECT Id FROM Account ORDER BY Description",
		"SELECT COUNT(Id) FROM Account GROUP BY Description",
		"SELECT Name, COUNT(Id) FROM Account",
		"SELECT SUM(Name) FROM Account",
		"SELECT Id FROM Account WHERE SystemModstamp > '2026-11-22T00:00:00Z'",
		"SELECT Id FROM Account WHERE SystemModstamp > 2026-11-22",
		"SELECT Id FROM Account WHERE SystemModstamp > 2026-13-22T00:00:00Z",
		"SELECT Id FROM Account WHERE Customer_Since__c = 2026-02-30",
		"SELECT Id FROM Account WHERE Name = 5",
		"SELECT Id FROM Account WHERE AnnualRevenue = '5'",
		"SELECT Id FROM Account WHERE IsDeleted = 'true'",
		"SELECT Id FROM Account WHERE Id = 'abc'",
		"SELECT Id FROM Account WHERE Id LIKE '001%'",
		"SELECT Id FROM Account WHERE Name INCLUDES ('x')",
		"SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)",
		"SELECT FIELDS(ALL) FROM Account",
		"SELECT Id FROM Account OFFSET 2001",
		"SELECT TYPEOF What WHEN Account THEN Name END FROM Task",
		"SELECT FOO(Name) FROM Account",
		"SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS",
		strings.Repeat("(", 5000),
		"SELECT Id FROM Account WHERE " + strings.Repeat("(", 200) + "Name = 'x'" + strings.Repeat(")", 200),
	}
	m := newMemory(t)
	if err := m.catalog.AddField("Account", schema.Field{Name: "Secret__c", Type: schema.TypeString}); err != nil {
		t.Fatal(err)
	}
	binder := m.binder()
	binder.Visible = func(_ *schema.Object, f *schema.Field) bool { return f.Name != "Secret__c" }
	var out strings.Builder
	for _, text := range queries {
		q, err := soql.Parse(text)
		if err == nil {
			_, err = soql.Bind(q, binder)
		}
		var e *soql.Error
		if !errors.As(err, &e) {
			t.Errorf("%q is accepted (%v)", text, err)
			continue
		}
		if len(text) > 150 {
			text = text[:150] + "…"
		}
		out.WriteString("> " + text + "\n" + e.Code + ": " + e.Message + "\n\n")
	}
	compareGolden(t, "errors.golden", out.String())
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (rewrite with -update):\n%s", path, diff)
	}
}

// TestFieldNotFoundMessage pins the shape that clients take apart.
func TestFieldNotFoundMessage(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	q, err := soql.Parse("SELECT Id, Foo FROM Account")
	if err != nil {
		t.Fatal(err)
	}
	_, err = soql.Bind(q, m.binder())
	want := "INVALID_FIELD: \nSELECT Id, Foo FROM Account\n           ^\nERROR at Row:1:Column:12\nNo such column 'Foo' on entity 'Account'. " +
		"If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. " +
		"Please reference your WSDL or the describe call for the appropriate names."
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	for _, text := range []string{
		"select id from account",
		"SELECT Id FROM Account USING SCOPE Everything",
		"SELECT a.Id, a.Owner.Name FROM Account AS a WHERE a.Name LIKE 'x%' FOR REFERENCE",
		"SELECT Account.Name FROM Account",
		"SELECT Account.Name FROM Contact WHERE Contact.Account.Name = 'x'",
		"SELECT FIELDS(STANDARD) FROM Account",
		"SELECT FIELDS(ALL) FROM Account LIMIT 200",
		"SELECT toLabel(Industry), FORMAT(AnnualRevenue) rev FROM Account",
		"SELECT Account__r.Name, (SELECT Id FROM Contacts) FROM Account",
		"SELECT Id, (SELECT Id FROM Projects__r WHERE Done__c = false LIMIT 5) FROM Account FOR VIEW",
		"SELECT Id FROM Account WHERE CreatedDate > LAST_N_DAYS:3 AND (NOT Name LIKE 'x%') ALL ROWS",
		"SELECT Id FROM Account WHERE SystemModstamp >= 2026-11-22T14:35:00.000-0800",
		"SELECT Id FROM Account WHERE AnnualRevenue > -1.5E3",
		"SELECT Id FROM Opportunity WHERE CloseDate = NEXT_QUARTER UPDATE TRACKING",
		"SELECT Name, What.Type, Who.Name FROM Task",
		"SELECT Owner.Profile.Name FROM Account",
		"SELECT Id FROM Order ORDER BY OrderNumber",
		"SELECT Id FROM Group",
		"SELECT Order.Status, COUNT(Id) FROM OrderItem WHERE Order.Account.Name != null GROUP BY Order.Status",
	} {
		q, err := soql.Parse(text)
		if err == nil {
			_, err = soql.Bind(q, m.binder())
		}
		bad := strings.Contains(text, "Account__r.Name") || strings.Contains(text, "SELECT Name, What.Type")
		if (err != nil) != bad {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SELECT Id, Owner.Name, (SELECT Id FROM Contacts) FROM Account a WHERE a.Name LIKE '\\'%' AND Id IN ('001000000000001') ORDER BY Id NULLS LAST LIMIT 5 OFFSET 1",
		"SELECT COUNT(Id) n, CALENDAR_YEAR(CreatedDate) FROM Account GROUP BY CALENDAR_YEAR(CreatedDate) HAVING COUNT(Id) > 1",
		"SELECT Id FROM Account WHERE (SystemModstamp > 2026-11-22T14:35:00+01:00 OR CreatedDate = LAST_N_DAYS:5) ALL ROWS",
		"SELECT Id FROM Account WHERE Channels__c INCLUDES ('a;b','c') AND AnnualRevenue != -1e5",
		"SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)",
		"SELECT \xff FROM \x00",
	} {
		f.Add(seed)
	}
	c := schema.Standard(nil)
	if err := schema.Demo(c); err != nil {
		f.Fatal(err)
	}
	m := &memory{catalog: c, rows: map[string]*memRow{}}
	m.add(f, "Account", 1, "Name=Acme", "Channels__c=a;b", "SystemModstamp=2026-11-22T10:00:00Z")
	m.add(f, "Contact", 1, "Name=Zoe", "AccountId=001000000000001AAA")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := soql.Parse(text)
		if err != nil {
			return
		}
		b, err := soql.Bind(q, m.binder())
		if err != nil {
			return
		}
		if _, err := soql.Execute(t.Context(), b, m, soql.Options{}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestID18(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"012000000000000":    "012000000000000AAA",
		"001D000000IqhSL":    "001D000000IqhSLIAZ",
		"001D000000IqhSLIAZ": "001D000000IqhSLIAZ",
		"001D000000IqhSLIAA": "", // wrong checksum
		"001":                "",
		"001D000000Iq-SL":    "",
	} {
		got, ok := soql.ID18(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("ID18(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}
