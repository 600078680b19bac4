package soql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// company fills an org: five accounts (one of them in the bin), contacts,
// opportunities, a case owned by a user.
func company(t testing.TB) *memory {
	m := newMemory(t)
	user := m.add(t, "User", 1, "Name=Ada Admin", "Username=ada@acme.test")
	acme := m.add(t, "Account", 1, "Name=Acme", "External_ID__c=A-1", "AnnualRevenue=100", "Industry=Energy", "OwnerId="+user,
		"Channels__c=Web;Phone", "Customer_Since__c=2026-11-22", "SystemModstamp=2026-11-20T10:00:00Z", "Active__c=true",
		"BillingState=CA", "BillingCountry=USA")
	m.add(t, "Account", 2, "Name=beta works", "External_ID__c=A-2", "AnnualRevenue=300", "Industry=Energy", "ParentId="+acme,
		"Channels__c=Web", "Customer_Since__c=2026-11-01", "SystemModstamp=2026-11-20T10:00:00Z")
	m.add(t, "Account", 3, "Name=Gamma_1", "External_ID__c=A-3", "AnnualRevenue=200", "Industry=Retail",
		"Customer_Since__c=2025-12-31", "SystemModstamp=2026-11-21T10:00:00Z")
	m.add(t, "Account", 4, "Name=Delta", "SystemModstamp=2026-11-22T10:00:00Z", "ParentId="+acme)
	m.add(t, "Account", 5, "Name=Gone", "SystemModstamp=2026-11-22T11:00:00Z", "deleted")
	m.add(t, "Contact", 1, "LastName=Young", "Name=Zoe Young", "AccountId="+acme)
	m.add(t, "Contact", 2, "LastName=Able", "Name=Tim Able", "AccountId="+acme)
	m.add(t, "Contact", 3, "LastName=Free", "Name=Max Free")
	m.add(t, "Case", 1, "CaseNumber=1", "OwnerId="+user)
	return m
}

// names are the names of the rows found, in order.
func names(m *memory, ids []string) string {
	var out []string
	for _, id := range ids {
		r := m.rows[id]
		f, _ := r.object.Field("Name")
		out = append(out, r.values[f.Slot].Str())
	}
	return strings.Join(out, ",")
}

func TestWhere(t *testing.T) {
	t.Parallel()
	m := company(t)
	for where, want := range map[string]string{
		"Name = 'ACME'":                                          "Acme",
		"Name = 'it\\'s'":                                        "",
		"Name != 'acme'":                                         "beta works,Gamma_1,Delta",
		"Industry != 'Energy'":                                   "Gamma_1,Delta",
		"Industry NOT IN ('energy','RETAIL')":                    "Delta",
		"Industry = null":                                        "Delta",
		"Industry = ''":                                          "Delta",
		"Industry != null":                                       "Acme,beta works,Gamma_1",
		"NOT Industry = 'Energy'":                                "Gamma_1,Delta",
		"AnnualRevenue > 100":                                    "beta works,Gamma_1",
		"AnnualRevenue >= 1e2 AND AnnualRevenue < 300":           "Acme,Gamma_1",
		"NOT (AnnualRevenue > 100)":                              "Acme,Delta",
		"AnnualRevenue IN (100, null)":                           "Acme,Delta",
		"Name LIKE 'a%'":                                         "Acme",
		"Name LIKE '%_\\_1'":                                     "Gamma_1",
		"Name LIKE '_elta'":                                      "Delta",
		"Channels__c INCLUDES ('Phone;Web')":                     "Acme",
		"Channels__c INCLUDES ('web','Fax')":                     "Acme,beta works",
		"Channels__c EXCLUDES ('Phone')":                         "beta works,Gamma_1,Delta",
		"Customer_Since__c = TODAY":                              "Acme",
		"Customer_Since__c = THIS_MONTH":                         "Acme,beta works",
		"Customer_Since__c = LAST_YEAR":                          "Gamma_1",
		"Customer_Since__c >= 2026-11-01":                        "Acme,beta works",
		"Customer_Since__c < LAST_N_DAYS:21":                     "Gamma_1",
		"SystemModstamp = 2026-11-20T11:00:00+01:00":             "Acme,beta works",
		"SystemModstamp > 2026-11-20T10:00:00.000Z":              "Gamma_1,Delta",
		"SystemModstamp = YESTERDAY":                             "Gamma_1",
		"Active__c = true":                                       "Acme",
		"Active__c = FALSE":                                      "beta works,Gamma_1,Delta",
		"Owner.Name = 'ada admin'":                               "Acme",
		"Parent.Name = 'acme'":                                   "beta works,Delta",
		"Parent.Owner.Username LIKE 'ada@%'":                     "beta works,Delta",
		"Parent.Name != 'acme'":                                  "Acme,Gamma_1",
		"Id = '001000000000002'":                                 "beta works",
		"Id IN ('001000000000003','001000000000001AAA')":         "Acme,Gamma_1",
		"Id IN (SELECT AccountId FROM Contact)":                  "Acme",
		"Id NOT IN (SELECT AccountId FROM Contact)":              "beta works,Gamma_1,Delta",
		"Id IN (SELECT AccountId FROM Contact WHERE Name = 'x')": "",
		"External_ID__c = 'a-2'":                                 "beta works",
		"CALENDAR_YEAR(Customer_Since__c) = 2025":                "Gamma_1",
		"Region_Label__c = 'ca/usa'":                             "Acme",
		"(Name = 'Acme' OR Name = 'Delta') AND ParentId != null": "Delta",
		"IsDeleted = true":                                       "",
		"Name > 'b' AND Name < 'E'":                              "beta works,Delta",
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			m := company(t)
			if got := names(m, m.run(t, "SELECT Id FROM Account WHERE "+where).IDs); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	res, err := soql.Execute(context.Background(), m.bind(t, "SELECT Id FROM Account WHERE IsDeleted = true"), m, soql.Options{All: true})
	if err != nil || names(m, res.IDs) != "Gone" {
		t.Errorf("queryAll found %v, %v", res, err)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	m := company(t)
	for tail, want := range map[string]string{
		"ORDER BY Name":                                       "Acme,beta works,Delta,Gamma_1",
		"ORDER BY Name DESC":                                  "Gamma_1,Delta,beta works,Acme",
		"ORDER BY AnnualRevenue":                              "Delta,Acme,Gamma_1,beta works",
		"ORDER BY AnnualRevenue DESC NULLS LAST":              "beta works,Gamma_1,Acme,Delta",
		"ORDER BY AnnualRevenue ASC NULLS LAST LIMIT 2":       "Acme,Gamma_1",
		"ORDER BY Industry NULLS LAST, Name DESC LIMIT 2":     "beta works,Acme",
		"ORDER BY Id LIMIT 2 OFFSET 1":                        "beta works,Gamma_1",
		"ORDER BY Id DESC LIMIT 1":                            "Delta",
		"ORDER BY Parent.Name DESC NULLS LAST, Name LIMIT 2":  "beta works,Delta",
		"WHERE Id > '001000000000001AAA' ORDER BY Id LIMIT 2": "beta works,Gamma_1",
		"LIMIT 0":                        "",
		"LIMIT 1 FOR VIEW":               "Acme",
		"WITH SECURITY_ENFORCED LIMIT 1": "Acme",
	} {
		if got := names(m, m.run(t, "SELECT Id FROM Account "+tail).IDs); got != want {
			t.Errorf("%s: got %q, want %q", tail, got, want)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	keyset := "(SystemModstamp > 2026-11-20T10:00:00Z OR (SystemModstamp = 2026-11-20T10:00:00Z AND Id > '001000000000001AAA'))"
	for _, tt := range []struct {
		query, plan, want string
		seen              int
	}{
		{"WHERE Id IN ('001000000000001','001000000000009')", "ids", "Acme", 1},
		{"WHERE External_ID__c = 'A-3' AND Name LIKE 'G%'", "index External_ID__c", "Gamma_1", 1},
		{"WHERE " + keyset + " ORDER BY SystemModstamp, Id LIMIT 2", "stamp", "beta works,Gamma_1", 3},
		{"WHERE SystemModstamp >= 2026-11-21T00:00:00Z AND SystemModstamp < 2026-11-22T00:00:00Z ORDER BY SystemModstamp, Id", "stamp", "Gamma_1", 2},
		{"WHERE Id > '001000000000001AAA' AND SystemModstamp <= 2026-11-22T00:00:00Z ORDER BY Id LIMIT 1", "id range", "beta works", 2},
		{"ORDER BY Id LIMIT 1", "id range", "Acme", 1},
		{"WHERE Name = 'Acme' LIMIT 1", "scan", "Acme", 1},
	} {
		m := company(t)
		res := m.run(t, "SELECT Id, Name FROM Account "+tt.query)
		if res.Plan != tt.plan || names(m, res.IDs) != tt.want || m.seen > tt.seen {
			t.Errorf("%s: plan %q rows %q, %d read; want %q %q, %d", tt.query, res.Plan, names(m, res.IDs), m.seen, tt.plan, tt.want, tt.seen)
		}
	}
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	m := company(t)
	for query, want := range map[string]string{
		"SELECT COUNT(Id) FROM Account":                                                                                                               "expr0|4",
		"SELECT COUNT(Id) n, MAX(SystemModstamp), MIN(AnnualRevenue) lo FROM Account":                                                                 "n,expr0,lo|4,2026-11-22T10:00:00.000Z,100",
		"SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry":                                                                                   "Industry,expr0|null,1|Energy,2|Retail,1",
		"SELECT Industry i, SUM(AnnualRevenue) s FROM Account GROUP BY Industry HAVING COUNT(Id)>1":                                                   "i,s|Energy,400",
		"SELECT Industry, AVG(AnnualRevenue) a FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC LIMIT 1":                                        "Industry,a|Energy,200",
		"SELECT COUNT_DISTINCT(Industry) FROM Account":                                                                                                "expr0|2",
		"SELECT CALENDAR_YEAR(Customer_Since__c) y, COUNT(Id) FROM Account WHERE Customer_Since__c != null GROUP BY CALENDAR_YEAR(Customer_Since__c)": "y,expr0|2025,1|2026,2",
		"SELECT COUNT(Id) FROM Account WHERE Name = 'nobody'":                                                                                         "expr0|0",
	} {
		b := m.bind(t, query)
		var head []string
		for _, c := range b.Columns {
			head = append(head, c.Name)
		}
		got := []string{strings.Join(head, ",")}
		for _, row := range m.run(t, query).Rows {
			var cells []string
			for _, v := range row {
				cells = append(cells, v.String())
			}
			got = append(got, strings.Join(cells, ","))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s:\n got %s\nwant %s", query, s, want)
		}
	}
	if res := m.run(t, "SELECT COUNT() FROM Account WHERE Industry = 'Energy'"); res.Count != 2 || res.IDs != nil {
		t.Errorf("COUNT(): %+v", res)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	m := company(t)
	b := m.bind(t, "SELECT Id, Parent.Name, Name, Owner.Name, Parent.Owner.Username, a.Region_Label__c, (SELECT Name FROM Contacts ORDER BY Name) FROM Account a")
	var shape func(cols []soql.Column) []string
	shape = func(cols []soql.Column) (out []string) {
		for _, c := range cols {
			switch c.Kind {
			case soql.ColumnParent:
				out = append(out, c.Name+"("+strings.Join(shape(c.Columns), " ")+")")
			case soql.ColumnChildren:
				out = append(out, c.Name+"["+strings.Join(shape(c.Sub.Columns), " ")+"]")
			default:
				out = append(out, c.Name)
			}
		}
		return out
	}
	want := "Id Parent(Name Owner(Username)) Name Owner(Name) Region_Label__c Contacts[Name]"
	if diff := cmp.Diff(want, strings.Join(shape(b.Columns), " ")); diff != "" {
		t.Fatal(diff)
	}
	row := m.rows["001000000000001AAA"]
	if _, ok := b.ParentRow(m, row, &b.Columns[1]); ok {
		t.Error("Acme has no parent")
	}
	if got := b.Read(m, row, &b.Columns[4]); got != schema.Text("CA/USA") {
		t.Errorf("formula: %v", got)
	}
	kids, err := b.Children(context.Background(), m, row, &b.Columns[5])
	if err != nil || len(kids) != 2 {
		t.Fatalf("children: %v %v", kids, err)
	}
	if got := b.Columns[5].Sub.Read(m, kids[0], &b.Columns[5].Sub.Columns[0]); got.Str() != "Tim Able" {
		t.Errorf("first child: %v", got)
	}
}

func TestPolymorphicParent(t *testing.T) {
	t.Parallel()
	m := company(t)
	b := m.bind(t, "SELECT Owner.Name, Owner.Type FROM Case WHERE Owner.Username = 'ada@acme.test'")
	res, err := soql.Execute(context.Background(), b, m, soql.Options{})
	if err != nil || len(res.IDs) != 1 {
		t.Fatalf("%v %v", res, err)
	}
	owner, ok := b.ParentRow(m, m.rows[res.IDs[0]], &b.Columns[0])
	if !ok {
		t.Fatal("no owner")
	}
	cols := b.Columns[0].Columns
	if got := []string{b.Read(m, owner, &cols[0]).Str(), b.Read(m, owner, &cols[1]).Str()}; !cmp.Equal(got, []string{"Ada Admin", "User"}) {
		t.Error(got)
	}
}
