package rest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/sandbox/org"
)

// BenchmarkEditedRows edits each of b.N computed accounts once, in
// transactions of 200, and reports what a row costs then: its stored version,
// its entries in the indexes, its line in the log of writes and its change
// event. -benchtime=1000000x gives the figure of docs/sandbox.md.
func BenchmarkEditedRows(b *testing.B) {
	for _, selected := range []string{`[]`, `["Account"]`} {
		b.Run("events="+selected, func(b *testing.B) {
			f := newFixture(b)
			f.control("POST", "events", `{"select":`+selected+`}`)
			f.control("POST", "seed", fmt.Sprintf(`{"object":"Account","rows":%d,"seed":1,"past":true,"computed":true}`, b.N))
			user, _ := f.org.User(org.DemoUser)
			actor := &org.Actor{User: user, OAuthClient: "demo", Origin: "com/salesforce/api/rest/68.0"}
			obj, _ := f.org.Catalog.Object("Account")
			before := heap()
			b.ResetTimer()
			for from := 1; from <= b.N; from += 200 {
				tx := f.org.Begin(actor)
				for n := from; n < min(from+200, b.N+1); n++ {
					if err := tx.Update(obj, org.MakeID("001", uint64(n)), org.Body{{Name: "Phone", Raw: fmt.Sprint(n)}}); err != nil {
						b.Fatal(err)
					}
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(heap()-before)/float64(b.N), "heap-B/row")
			b.ReportMetric(float64(peak()), "peak-RSS-MB")
			runtime.KeepAlive(f)
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peak is the process's greatest resident memory so far, in MB; 0 where the
// system does not say.
func peak() (mb int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(kb, &mb) // stays 0
			return mb / 1024
		}
	}
	return 0
}
