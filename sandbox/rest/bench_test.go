package rest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkLoad reads 20,000 accounts of all fields by query and locators.
func BenchmarkLoad(b *testing.B) {
	f := newFixture(b)
	f.control("POST", "seed", `{"object":"Account","rows":20000,"seed":1,"past":true}`)
	var fields []string
	for _, fd := range mustObject(b, f, "Account").Fields {
		if !fd.Type.Compound() {
			fields = append(fields, fd.Name)
		}
	}
	b.ResetTimer()
	for range b.N {
		next := soqlPath("SELECT " + strings.Join(fields, ",") + " FROM Account")
		for next != "" {
			a := f.call("GET", next, "")
			var page struct {
				Next string `json:"nextRecordsUrl"`
			}
			if err := json.Unmarshal([]byte(a.body), &page); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(a.body)) * 10)
			next = page.Next
		}
	}
	b.ReportMetric(20000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkIdlePoll is one keyset poll that finds nothing among 100,000.
func BenchmarkIdlePoll(b *testing.B) {
	f := newFixture(b)
	f.control("POST", "seed", `{"object":"Account","rows":100000,"seed":1,"past":true}`)
	q := "SELECT Id, Name, SystemModstamp FROM Account WHERE SystemModstamp >= " +
		time.Now().UTC().Format("2006-01-02T15:04:05Z") + " ORDER BY SystemModstamp, Id LIMIT 2000"
	b.ResetTimer()
	for range b.N {
		f.call("GET", "/query?q="+url.QueryEscape(q), "")
	}
}

// BenchmarkCollections creates 200 contacts a call.
func BenchmarkCollections(b *testing.B) {
	f := newFixture(b)
	f.control("POST", "seed", `{"object":"Account","rows":20000,"seed":1}`)
	n := 0
	b.ResetTimer()
	for range b.N {
		var rows []string
		for range 200 {
			n++
			rows = append(rows, fmt.Sprintf(`{"attributes":{"type":"Contact"},"LastName":"L%d","Email":"a%d@example.com","External_ID__c":"b-%d","MailingCity":"Bonn","Title":"x"}`, n, n, n))
		}
		a := f.call("POST", "/composite/sobjects", `{"records":[`+strings.Join(rows, ",")+`]}`)
		if strings.Contains(a.body, `"success":false`) {
			b.Fatal(a.body)
		}
	}
	b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
