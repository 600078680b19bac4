package work

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/writer"
)

// Whole turns are tested by the scripts of cmd/syncline, with both databases
// and an org; here are the parts that decide something by themselves.

func TestWhenTheLogIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	recently, longAgo := time.Now(), time.Now().Add(-time.Hour)
	tests := []struct {
		name     string
		last     time.Time
		progress writer.Progress
		want     engine.Next
	}{
		{"more to send", longAgo, writer.Progress{More: true}, engine.Next{Hot: true}},
		{"just sent", recently, writer.Progress{}, engine.Next{After: hotLook, Hot: true}},
		{"long quiet", longAgo, writer.Progress{}, engine.Next{After: coolLook}},
		{"something is due", longAgo, writer.Progress{NextAt: longAgo}, engine.Next{After: 10 * time.Millisecond}},
		{"something is due later", longAgo, writer.Progress{NextAt: recently.Add(time.Hour)}, engine.Next{After: coolLook}},
	}
	for _, tt := range tests {
		wr := &writing{last: tt.last}
		if diff := cmp.Diff(tt.want, wr.next(tt.progress)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var sum tally
	m := uuid.New()
	sum.add(m, store.ToPostgres, 0, 0, nil)
	if got := sum.take(); got != nil {
		t.Errorf("nothing was done: %v", got)
	}
	sum.add(m, store.ToPostgres, 2, 0, []time.Duration{time.Second})
	sum.add(m, store.ToPostgres, 1, 1, []time.Duration{time.Second})
	sum.add(m, store.ToSalesforce, 1, 0, nil)
	got := sum.take()
	if len(got) != 2 || sum.take() != nil {
		t.Fatalf("took %v", got)
	}
	for _, a := range got {
		if a.Direction == store.ToPostgres && (a.Rows != 3 || a.Errors != 1 || a.Latency.Count != 2) {
			t.Errorf("to Postgres %+v", a)
		}
	}
}
