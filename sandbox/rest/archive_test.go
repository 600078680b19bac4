package rest

import (
	"fmt"
	"testing"
	"time"
)

func TestArchivedActivities(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	day := func(ago int) string { return time.Now().AddDate(0, 0, -ago).Format("2006-01-02") }
	f.create("Task", `{"Subject":"old and done","Status":"Completed","ActivityDate":"`+day(400)+`"}`)
	f.create("Task", `{"Subject":"old and open","Status":"Not Started","ActivityDate":"`+day(400)+`"}`)
	young := f.create("Task", `{"Subject":"young","Status":"Completed","ActivityDate":"`+day(100)+`"}`)
	f.create("Event", fmt.Sprintf(`{"Subject":"past","StartDateTime":"%[1]sT10:00:00Z","EndDateTime":"%[1]sT11:00:00Z","DurationInMinutes":60,"ActivityDateTime":"%[1]sT10:00:00Z"}`, day(400)))
	newest := func() string {
		return f.call("GET", "/queryAll?q=SELECT+MAX(SystemModstamp)+FROM+Task", "").body
	}
	before := newest()

	want(t, answer{200, nil, f.control("POST", "expire", `{"activities":true}`)}, 200, `"activities":2`)
	want(t, f.call("GET", soqlPath("SELECT Subject FROM Task"), ""), 200, `"totalSize":2`, "old and open")
	want(t, f.call("GET", soqlPath("SELECT Id FROM Event"), ""), 200, `"totalSize":0`)
	all := "/queryAll?q=SELECT+Subject,IsArchived+FROM+Task"
	want(t, f.call("GET", all, ""), 200, `"totalSize":3`, "old and done")
	want(t, f.call("GET", all+"+WHERE+IsArchived=true", ""), 200, `"totalSize":1`, "old and done")
	if after := newest(); after != before {
		t.Errorf("archiving stamped: %s, was %s", after, before)
	}

	f.control("POST", "switches", `{"archiveDays":90}`)
	want(t, answer{200, nil, f.control("POST", "expire", `{"activities":true}`)}, 200, `"activities":1`)
	want(t, f.call("GET", "/sobjects/Task/"+young+"?fields=IsArchived", ""), 200, `"IsArchived":true`)
}
