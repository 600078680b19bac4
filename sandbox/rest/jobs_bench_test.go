package rest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

const benchFields = "Id, Name, Type, BillingStreet, BillingCity, BillingState, BillingPostalCode, BillingCountry, Phone, Fax, " +
	"AccountNumber, Website, Sic, Industry, AnnualRevenue, NumberOfEmployees, Ownership, Rating, Site, OwnerId, CreatedDate, " +
	"LastModifiedDate, SystemModstamp, IsDeleted, External_ID__c, Score__c" // 26

// BenchmarkBulkResults reads 200,000 rows of 26 fields from one stream,
// stored ones and such as are computed.
func BenchmarkBulkResults(b *testing.B) {
	const rows = 200_000
	for _, c := range []struct{ encoding, computed string }{{"identity", "false"}, {"identity", "true"}, {"gzip", "false"}, {"gzip", "true"}} {
		b.Run(c.encoding+"/computed="+c.computed, func(b *testing.B) {
			f := newFixture(b)
			f.control("POST", "seed", `{"object":"Account","rows":200000,"seed":1,"past":true,"computed":`+c.computed+`}`)
			j := f.queryJob("SELECT "+benchFields+" FROM Account", "")
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, f.srv.URL+"/services/data/v68.0/jobs/query/"+j.ID+"/results", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+f.token)
			req.Header.Set("Accept-Encoding", c.encoding)
			b.ResetTimer()
			for range b.N {
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, res.Body)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(n)
				_ = res.Body.Close()
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkBulkIngest upserts 20,000 rows of six columns a job.
func BenchmarkBulkIngest(b *testing.B) {
	f := newFixture(b)
	var s strings.Builder
	s.WriteString("External_ID__c,Name,Phone,BillingCity,AnnualRevenue,Industry\n")
	for i := range 20000 {
		s.WriteString("b-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "-" + strconv.Itoa(i) + ",Name " + strconv.Itoa(i) + ",+49 228 1,Bonn,1250000,Banking\n")
	}
	b.ResetTimer()
	for range b.N {
		if j := f.ingest(`{"object":"Account","operation":"upsert","externalIdFieldName":"External_ID__c"}`, s.String()); j.NumberRecordsFailed > 0 {
			b.Fatal(j)
		}
	}
	b.ReportMetric(20000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
