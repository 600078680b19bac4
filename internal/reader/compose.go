package reader

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// firstPage is a window's first page that came along with those of other
// mappings. Its records are in the poll's batch.
type firstPage struct {
	page        salesforce.Page
	err         error
	sent, heard time.Time
}

// compose asks for the first pages of several polls in as few calls as may be:
// one carries [salesforce.MaxQueries] queries. A poll for which that does not
// work asks by itself.
func (r *Reader) compose(ctx context.Context, polls []*poll, o PollOptions) {
	polls = slices.DeleteFunc(slices.Clone(polls), func(p *poll) bool { return p.out.Err != nil })
	for group := range slices.Chunk(polls, salesforce.MaxQueries) {
		if len(group) > 1 {
			// The call counts for one of them, each as often as the others.
			one := group[rand.N(len(group))]
			r.composeGroup(one.use(ctx, "poll"), group, o)
		}
	}
}

func (r *Reader) composeGroup(ctx context.Context, group []*poll, o PollOptions) {
	asked, err := r.db.Now(ctx)
	if err != nil {
		return // whoever asks next tells of it
	}
	queries := make([]salesforce.Select, len(group))
	for i, p := range group {
		p.batch.Reset()
		p.batch.Asked = asked
		queries[i] = salesforce.Select{SOQL: pollQuery(p.table, p.window(o)), All: all(p.table), Batch: p.batch}
	}
	sent := time.Now()
	answers, err := r.org.Queries(ctx, queries)
	heard := time.Now()
	if err != nil {
		if concernsAll(err) {
			for _, p := range group {
				p.out.Err = wrap(p.table, "poll", err)
			}
		}
		return
	}
	for i, p := range group {
		p.first = &firstPage{page: answers[i].Page, err: answers[i].Err, sent: sent, heard: heard}
	}
}
