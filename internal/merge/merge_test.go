package merge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/merge"
	"github.com/synclinehq/syncline/internal/record"
)

var text = record.Type{Kind: record.Text}

func v(s string) record.Value { return record.TextValue(s) }

func TestSettle(t *testing.T) {
	t.Parallel()
	send := merge.Verdict{Action: merge.Send}
	drop := merge.Verdict{Action: merge.Drop}
	ours := merge.Verdict{Action: merge.Send, Conflict: true}
	theirs := merge.Verdict{Action: merge.TakeTheirs, Conflict: true}
	for _, tt := range []struct {
		name                             string
		change                           merge.Change
		lastWriter, salesforce, postgres merge.Verdict
	}{
		{"nothing seen", merge.Change{Base: v("a"), HasBase: true, Ours: v("b")}, send, send, send},
		{"nothing seen, no base", merge.Change{Ours: v("b")}, send, send, send},
		{"unchanged there", merge.Change{Base: v("a"), HasBase: true, Theirs: v("a"), Seen: true, Ours: v("b")}, send, send, send},
		{"unchanged but for spaces", merge.Change{Base: v("a"), HasBase: true, Theirs: v(" a\r\n"), Seen: true, Ours: v("b")}, send, send, send},
		{"same change on both sides", merge.Change{Base: v("a"), HasBase: true, Theirs: v("b"), Seen: true, Ours: v("b ")}, drop, drop, drop},
		{"changed and changed back", merge.Change{Base: v("a"), HasBase: true, Theirs: v("a"), Seen: true, Ours: v("a")}, drop, drop, drop},
		{"both cleared", merge.Change{Base: v("a"), HasBase: true, Seen: true, Ours: v("  ")}, drop, drop, drop},
		{"both changed", merge.Change{Base: v("a"), HasBase: true, Theirs: v("c"), Seen: true, Ours: v("b")}, ours, theirs, ours},
		{"cleared there, changed here", merge.Change{Base: v("a"), HasBase: true, Seen: true, Ours: v("b")}, ours, theirs, ours},
		{"NULL was the base", merge.Change{HasBase: true, Theirs: v("c"), Seen: true, Ours: v("b")}, ours, theirs, ours},
		{"still NULL there", merge.Change{HasBase: true, Seen: true, Ours: v("b")}, send, send, send},
		{"base unknown", merge.Change{Theirs: v("c"), Seen: true, Ours: v("b")}, ours, theirs, ours},
		{"base unknown, equal", merge.Change{Theirs: v("b"), Seen: true, Ours: v("b")}, drop, drop, drop},
		{"base unknown, NULL there", merge.Change{Seen: true, Ours: v("b")}, ours, theirs, ours},
	} {
		tt.change.Type = text
		for policy, want := range map[merge.Policy]merge.Verdict{
			"": tt.lastWriter, merge.LastWriter: tt.lastWriter, merge.Salesforce: tt.salesforce, merge.Postgres: tt.postgres,
		} {
			if got := merge.Settle(tt.change, policy); got != want {
				t.Errorf("%s, policy %q: got %s (conflict %v), want %s (conflict %v)", tt.name, policy, got.Action, got.Conflict, want.Action, want.Conflict)
			}
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	columns := []merge.Column{
		{Type: text, Theirs: v("a"), Ours: v("a")},
		{Type: text, Theirs: v("b"), Ours: v("x"), Dirty: true},
		{Type: text, Theirs: v("c"), Ours: v("y")},
	}
	same := []merge.Column{
		{Type: text, Theirs: v("a"), Ours: v("a")},
		{Type: text, Theirs: v("b"), Ours: v("x"), Dirty: true},
	}
	merged := merge.Out{Action: merge.Merge, Columns: []merge.ColumnAction{merge.Apply, merge.Keep, merge.Apply}, Changed: true}
	leave := merge.Out{Action: merge.Leave}
	remove := merge.Out{Action: merge.Remove, Changed: true}
	for _, tt := range []struct {
		name string
		in   merge.Row
		want merge.Out
	}{
		{"settled, present", merge.Row{Local: merge.Settled, Columns: columns}, merged},
		{"settled, gone", merge.Row{Local: merge.Settled, Incoming: merge.Gone, Columns: columns}, remove},
		{"inserted, present", merge.Row{Local: merge.Inserted, Columns: columns}, merged},
		{"inserted, gone", merge.Row{Local: merge.Inserted, Incoming: merge.Gone, Columns: columns}, leave},
		{"updated, present", merge.Row{Local: merge.Updated, Columns: columns}, merged},
		{"updated, gone", merge.Row{Local: merge.Updated, Incoming: merge.Gone, Columns: columns}, remove},
		{"deleted, present", merge.Row{Local: merge.Deleted, Columns: columns}, leave},
		{"deleted, gone", merge.Row{Local: merge.Deleted, Incoming: merge.Gone, Columns: columns}, leave},
		{"nothing new", merge.Row{Local: merge.Updated, Columns: same},
			merge.Out{Action: merge.Merge, Columns: []merge.ColumnAction{merge.Apply, merge.Keep}}},
	} {
		if diff := cmp.Diff(tt.want, merge.Decide(tt.in)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestSettleRow(t *testing.T) {
	t.Parallel()
	send := merge.Verdict{Action: merge.Send}
	seen := []merge.Seen{merge.SeenNothing, merge.SeenSame, merge.SeenChanged, merge.SeenGone}
	gone := merge.Verdict{Action: merge.Drop, Conflict: true}
	agree := merge.Verdict{Action: merge.Drop}
	for _, tt := range []struct {
		local  merge.Local
		policy merge.Policy
		want   [4]merge.Verdict // by seen
	}{
		{merge.Inserted, merge.LastWriter, [4]merge.Verdict{send, send, send, send}},
		{merge.Inserted, merge.Salesforce, [4]merge.Verdict{send, send, send, send}},
		{merge.Updated, merge.LastWriter, [4]merge.Verdict{send, send, send, gone}},
		{merge.Updated, merge.Salesforce, [4]merge.Verdict{send, send, send, gone}},
		{merge.Updated, merge.Postgres, [4]merge.Verdict{send, send, send, gone}},
		{merge.Deleted, merge.LastWriter, [4]merge.Verdict{send, send, {Action: merge.Send, Conflict: true}, agree}},
		{merge.Deleted, merge.Postgres, [4]merge.Verdict{send, send, {Action: merge.Send, Conflict: true}, agree}},
		{merge.Deleted, merge.Salesforce, [4]merge.Verdict{send, send, {Action: merge.TakeTheirs, Conflict: true}, agree}},
	} {
		for i, s := range seen {
			if got := merge.SettleRow(tt.local, s, tt.policy); got != tt.want[i] {
				t.Errorf("local %d, seen %d, policy %s: got %+v, want %+v", tt.local, s, tt.policy, got, tt.want[i])
			}
		}
	}
}

// few values make equal ones and near-equal ones likely.
var values = rapid.Map(rapid.SampledFrom([]string{"", " ", "a", "a ", "b", "b\r\n", "c"}), v)

func TestSettleProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := merge.Change{
			Type: text, Base: values.Draw(t, "base"), HasBase: rapid.Bool().Draw(t, "hasBase"),
			Theirs: values.Draw(t, "theirs"), Seen: rapid.Bool().Draw(t, "seen"), Ours: values.Draw(t, "ours"),
		}
		p := rapid.SampledFrom([]merge.Policy{"", merge.LastWriter, merge.Salesforce, merge.Postgres}).Draw(t, "policy")
		got := merge.Settle(c, p)
		if c.Seen && text.Same(c.Theirs, c.Ours) && (got.Conflict || got.Action != merge.Drop) {
			t.Fatal("equal values conflict or are sent")
		}
		if got.Action == merge.Drop && !text.Same(c.Theirs, c.Ours) {
			t.Fatal("a change that Salesforce lacks was dropped in silence")
		}
		if got.Action == merge.TakeTheirs && (!got.Conflict || p != merge.Salesforce || !c.Seen) {
			t.Fatal("theirs was taken without a conflict, a policy or a value")
		}
		if got.Conflict && c.HasBase && (text.Same(c.Theirs, c.Base) || !c.Seen) {
			t.Fatal("a conflict though they changed nothing")
		}
		again := c
		again.Base, again.Theirs, again.Ours = text.Normal(c.Base), text.Normal(c.Theirs), text.Normal(c.Ours)
		if merge.Settle(again, p) != got {
			t.Fatal("the decision depends on what Salesforce does not keep")
		}
	})
}

func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := merge.Row{
			Local:    rapid.SampledFrom([]merge.Local{merge.Settled, merge.Inserted, merge.Updated, merge.Deleted}).Draw(t, "local"),
			Incoming: rapid.SampledFrom([]merge.Incoming{merge.Present, merge.Gone}).Draw(t, "incoming"),
			Columns: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) merge.Column {
				return merge.Column{Type: text, Theirs: values.Draw(t, "theirs"), Ours: values.Draw(t, "ours"), Dirty: rapid.Bool().Draw(t, "dirty")}
			}), 0, 6).Draw(t, "columns"),
		}
		out := merge.Decide(in)
		if out.Action != merge.Merge {
			if out.Columns != nil || (in.Local == merge.Deleted && out.Action != merge.Leave) {
				t.Fatalf("got %+v", out)
			}
			return
		}
		changed := false
		for i, c := range in.Columns {
			if (out.Columns[i] == merge.Apply) == c.Dirty {
				t.Fatal("a clean column must take theirs, a dirty one must not")
			}
			if out.Columns[i] == merge.Apply {
				changed = changed || !c.Theirs.Equal(c.Ours)
			}
		}
		if changed != out.Changed {
			t.Fatalf("changed %v, want %v", out.Changed, changed)
		}
	})
}
