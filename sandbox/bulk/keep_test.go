package bulk

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// memory is a shelf that holds its files in memory and counts what is put.
type memory struct {
	files map[string][]byte
	puts  int
}

func (m *memory) Names() ([]string, error) { return slices.Collect(maps.Keys(m.files)), nil }

func (m *memory) Put(name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	m.files[name] = b.Bytes()
	m.puts++
	return err
}

func (m *memory) Get(name string, read func(io.Reader) error) error {
	return read(bytes.NewReader(m.files[name]))
}

func (m *memory) Drop(name string) error { delete(m.files, name); return nil }

func newOrg(t *testing.T) (*org.Org, *org.Actor) {
	t.Helper()
	o, err := org.New(org.Options{Catalog: schema.Standard(nil)})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := o.User(org.IntegrationUser)
	return o, &org.Actor{User: u}
}

func finished(t *testing.T, js *Jobs, kind, id string) Info {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		i, err := js.Info(kind, id)
		if err != nil {
			t.Fatal(err)
		}
		if i.State == JobComplete || i.State == Failed {
			return i
		}
		if time.Now().After(deadline) {
			t.Fatalf("job %s is still %s", id, i.State)
		}
	}
}

// A job that was stopped in the middle saves the rest of its rows, and none
// twice.
func TestAnIngestJobGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	o, a := newOrg(t)
	js := New(o)
	var upload strings.Builder
	upload.WriteString("Name\n")
	for i := range 500 {
		fmt.Fprintf(&upload, "a%d\n", i)
	}
	info, err := js.CreateIngest(a, "68.0", IngestRequest{Object: "Account", Operation: "insert"}, []byte(upload.String()), Fault{})
	if err != nil {
		t.Fatal(err)
	}
	finished(t, js, TypeIngest, info.ID)
	j, err := js.Get(TypeIngest, info.ID)
	if err != nil {
		t.Fatal(err)
	}
	js.update(func() { // as it was after the first chunk
		j.state, j.processed = InProgress, chunkRows
		for i := chunkRows; i < len(j.ingest.outcomes); i++ {
			j.ingest.outcomes[i].done = false
		}
	})
	shelf := &memory{files: map[string][]byte{}}
	if err := js.Still(func() error { return js.Save(shelf) }); err != nil {
		t.Fatal(err)
	}
	obj, _ := o.Catalog.Object("Account")
	before := o.Count(obj)
	again := New(o)
	if err := again.Load(shelf); err != nil {
		t.Fatal(err)
	}
	if i := finished(t, again, TypeIngest, info.ID); i.State != JobComplete || i.NumberRecordsProcessed != 500 {
		t.Errorf("job %s, %d records", i.State, i.NumberRecordsProcessed)
	}
	if n := o.Count(obj) - before; n != 300 {
		t.Errorf("%d rows were saved after the restart, want the 300 that were missing", n)
	}
	if next, err := again.CreateIngest(a, "68.0", IngestRequest{Object: "Account", Operation: "insert"}, nil, Fault{}); err != nil || next.ID == info.ID {
		t.Errorf("the next job is %s, %v", next.ID, err)
	}
}

func TestJobsAreKeptOnce(t *testing.T) {
	t.Parallel()
	o, a := newOrg(t)
	js := New(o)
	shelf := &memory{files: map[string][]byte{}}
	save := func() {
		t.Helper()
		if err := js.Still(func() error { return js.Save(shelf) }); err != nil {
			t.Fatal(err)
		}
	}
	info, err := js.CreateQuery(a, "68.0", QueryRequest{Operation: "query", Query: "SELECT Id, Name FROM User"}, "")
	if err != nil {
		t.Fatal(err)
	}
	finished(t, js, TypeQuery, info.ID)
	save()
	puts := shelf.puts
	if save(); shelf.puts != puts {
		t.Error("a job that has not changed was written again")
	}
	if err := js.Delete(TypeQuery, info.ID); err != nil {
		t.Fatal(err)
	}
	if save(); len(shelf.files) != 0 {
		t.Error("the file of a job that was deleted is left")
	}
	shelf.files["x.job"] = []byte("no gzip")
	if err := New(o).Load(shelf); err == nil || !strings.Contains(err.Error(), "load job x") {
		t.Errorf("a damaged file: %v", err)
	}
}
