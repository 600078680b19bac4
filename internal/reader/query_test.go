package reader_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox"
)

func columns(paths ...string) *mapping.Table {
	var cs []record.Column
	for _, p := range paths {
		cs = append(cs, record.Column{Field: p, Name: p, Type: record.Type{Kind: record.Text}})
	}
	return &mapping.Table{Object: "Account", Layout: record.NewLayout(cs)}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 14, 35, 59, 999, time.FixedZone("", 3600))
	user, account := columns("Id", "Owner.Name"), columns("Id", "IsDeleted", "SystemModstamp")
	user.Object = "User"
	task := columns("Id", "IsDeleted", "SystemModstamp")
	task.Object = "Task"
	for got, want := range map[string]string{
		reader.LoadQuery(user, ""):                     "SELECT Id, Owner.Name FROM User ORDER BY Id",
		reader.LoadQuery(account, "001"):               "SELECT Id, IsDeleted, SystemModstamp FROM Account WHERE Id > '001' ORDER BY Id",
		reader.PollQuery(account, at, ""):              "SELECT Id, IsDeleted, SystemModstamp FROM Account WHERE SystemModstamp >= 2026-11-22T13:35:59Z ORDER BY SystemModstamp, Id",
		reader.PollQuery(task, at, "00T"):              "SELECT Id, IsDeleted, SystemModstamp FROM Task WHERE (SystemModstamp > 2026-11-22T13:35:59Z OR (SystemModstamp = 2026-11-22T13:35:59Z AND Id > '00T')) AND IsArchived = false ORDER BY SystemModstamp, Id",
		reader.PollQuery(user, at, "005"):              "SELECT Id, Owner.Name FROM User WHERE Id > '005' ORDER BY Id",
		reader.ByIDQuery(user, []string{"005", "006"}): "SELECT Id, Owner.Name FROM User WHERE Id IN ('005', '006')",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Queries, Deleted, Updated and Identity are not asked for.
func (madeOrg) Queries(context.Context, []salesforce.Select) ([]salesforce.Answer, error) {
	panic("no queries")
}

func (madeOrg) Deleted(context.Context, string, time.Time, time.Time) (salesforce.Deleted, error) {
	panic("no deleted records")
}

func (madeOrg) Updated(context.Context, string, time.Time, time.Time) (salesforce.Updated, error) {
	panic("no updated records")
}

func (madeOrg) Identity(context.Context) (salesforce.Identity, error) { panic("no identity") }

// madeOrg makes up n accounts, and says what the heap holds after each page.
type madeOrg struct {
	n    int
	peak map[bool]uint64 // by whether more than half have been sent
}

func (o madeOrg) page(from int, b *record.Batch) (salesforce.Page, error) {
	to := min(from+2000, o.n)
	row := make([]record.Value, len(b.Layout.Columns))
	for i := from; i < to; i++ {
		id, err := record.ID18(fmt.Sprintf("001%012d", i))
		if err != nil {
			return salesforce.Page{}, err
		}
		for c := range row {
			row[c] = nil
		}
		row[b.Layout.ID] = record.TextValue(id)
		row[b.Layout.Stamp] = record.TimestampValue(time.Unix(int64(i), 0))
		row[b.Layout.ByField("Name")] = record.TextValue(fmt.Sprint("a rather long name of account ", i))
		b.Append(row)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	o.peak[to > o.n/2] = max(o.peak[to > o.n/2], m.HeapAlloc)
	return salesforce.Page{
		Page:       restjson.Page{Total: o.n, Done: to == o.n, Next: fmt.Sprint(to), Rows: to - from},
		ServerDate: time.Now().Truncate(time.Second),
	}, nil
}

func (o madeOrg) Query(_ context.Context, _ string, _ bool, b *record.Batch) (salesforce.Page, error) {
	return o.page(0, b)
}

func (o madeOrg) More(_ context.Context, next string, b *record.Batch) (salesforce.Page, error) {
	var from int
	if _, err := fmt.Sscan(next, &from); err != nil {
		return salesforce.Page{}, err
	}
	return o.page(from, b)
}

func TestMemoryOfALoadDoesNotGrowWithRows(t *testing.T) {
	if testing.Short() {
		t.Skip("loads 40,000 rows")
	}
	const rows = 40_000
	s := newSite(t, sandbox.Options{})
	made := madeOrg{n: rows, peak: map[bool]uint64{}}
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: made, Settings: reader.Settings{QueryStreams: 1}})
	began := time.Now()
	s.load(s.account)
	t.Logf("%d rows in %v; live heap at most %d and %d KiB", rows, time.Since(began), made.peak[false]>>10, made.peak[true]>>10)
	if got := s.count("true"); got != fmt.Sprint(rows) {
		t.Errorf("%s rows", got)
	}
	if made.peak[true] > made.peak[false]+(4<<20) {
		t.Errorf("the heap grew from %d to %d bytes", made.peak[false], made.peak[true])
	}
}
