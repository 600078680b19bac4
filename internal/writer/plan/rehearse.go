package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Rehearsal is what would become of entries if Salesforce accepted all that is
// sent.
type Rehearsal struct {
	// Rounds are the change sets that may go at once, one round after the other.
	Rounds [][]*ChangeSet
	// Done end without a call.
	Done []Done
	// Left can't go, Waits says of some of them why.
	Left  []triggerlog.Entry
	Waits []Wait
}

// maxRounds bounds a rehearsal: a record that was changed a thousand times takes
// a thousand rounds.
const maxRounds = 100

// Rehearse plans until nothing is left that can go, a hundred rounds at most. It
// takes Salesforce's
// answer for granted each time: records that are new get an Id that is made up.
// Open makes the Held of each round, as the writer would.
func Rehearse(a mapping.Algorithm, in Input, open func() *Held) Rehearsal {
	in.Rows, in.Related, in.Inserts = maps.Clone(in.Rows), maps.Clone(in.Related), maps.Clone(in.Inserts)
	in.Entries = slices.Clone(in.Entries)
	var r Rehearsal
	for {
		p := Next(a, in, open())
		if len(p.Sets)+len(p.Done) == 0 || len(r.Rounds) == maxRounds {
			r.Left, r.Waits = in.Entries, p.Waits
			return r
		}
		if len(p.Sets) > 0 {
			r.Rounds = append(r.Rounds, p.Sets)
		}
		r.Done = append(r.Done, p.Done...)
		in.apply(p)
	}
}

// apply is the world after a plan.
func (in *Input) apply(p *Plan) {
	ended := map[int32]triggerlog.State{}
	for _, d := range p.Done {
		ended[d.Entry.ID] = d.State
	}
	for _, id := range p.Retaken {
		ended[id] = triggerlog.Merged
	}
	last := in.Entries[len(in.Entries)-1].ID
	var more []triggerlog.Entry
	for _, set := range p.Sets {
		for _, item := range set.Items {
			ended[item.Entry.ID] = triggerlog.Success
			in.accept(set, item)
			if e, ok := secondUpdate(item); ok {
				e.ID = last + int32(len(more)) + 1
				more = append(more, e)
			}
		}
	}
	in.Entries = slices.DeleteFunc(in.Entries, func(e triggerlog.Entry) bool { return ended[e.ID] != "" })
	in.Entries = append(in.Entries, more...)
	for r, list := range in.Related {
		list = slices.Clone(list)
		for i := range list {
			if s := ended[list[i].ID]; s != "" {
				list[i].State = s
			}
		}
		in.Related[r] = list
	}
}

// accept gives a new record an Id.
func (in *Input) accept(set *ChangeSet, item Item) {
	key := Record{item.Entry.Table, item.Entry.RecordID}
	row, here := in.Rows[key]
	if set.Op == outbox.Delete || !here || row.Sfid != "" {
		return
	}
	prefix := "000"
	if set.Table.Describe != nil && len(set.Table.Describe.KeyPrefix) == 3 {
		prefix = set.Table.Describe.KeyPrefix
	}
	row.Sfid = fmt.Sprintf("%s%012dAAA", prefix, key.ID)
	in.Rows[key] = row
	delete(in.Inserts, key)
}

// secondUpdate is what the writer captures for an insert that goes without its
// parent.
func secondUpdate(item Item) (triggerlog.Entry, bool) {
	var set []hstoretext.Pair
	pairs, _ := parsePairs(item.Entry.Values)
	for _, c := range item.Recapture {
		if pair, ok := hstoretext.Get(pairs, c); ok {
			set = append(set, pair)
		}
	}
	values := string(hstoretext.Append(nil, set))
	return triggerlog.Entry{State: triggerlog.New, Action: triggerlog.Update, Table: item.Entry.Table, RecordID: item.Entry.RecordID,
		CreatedAt: item.Entry.CreatedAt, Values: &values}, len(set) > 0
}
