package reader

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// stampForm is how SOQL writes a moment. Stamps have whole seconds.
const stampForm = "2006-01-02T15:04:05Z"

// stamp is the field that changes are found by; "" for an object that has none.
func stamp(t *mapping.Table) string {
	if t.Layout.Stamp < 0 {
		return ""
	}
	return t.Layout.Columns[t.Layout.Stamp].Field
}

// inOrder is the order in which a window is read.
func inOrder(t *mapping.Table) string {
	if stamp(t) == "" {
		return " ORDER BY Id"
	}
	return " ORDER BY " + stamp(t) + ", Id"
}

func selectFrom(t *mapping.Table) string {
	return "SELECT " + strings.Join(t.Layout.Paths(), ", ") + " FROM " + t.Object
}

// where joins conditions, leaving out the empty ones.
func where(conditions ...string) string {
	conditions = slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// filter is the mapping's own condition; "" if all records are mapped.
func filter(t *mapping.Table) string {
	if f := t.Mapping.Options.Filter; f != "" {
		return "(" + f + ")"
	}
	return ""
}

// view names what of an object is mapped. It is "" for all that Heroku Connect
// would map. A mapping whose view has changed is read anew.
func view(t *mapping.Table) string {
	v := t.Mapping.Options.Filter
	if archived(t) {
		v += " +archived"
	}
	return v
}

// activity says whether the org archives the object's records.
func activity(t *mapping.Table) bool { return t.Object == "Task" || t.Object == "Event" }

// archived says whether archived records are mapped too.
func archived(t *mapping.Table) bool { return t.Mapping.Options.Archived && activity(t) }

// loadAll says whether a load asks for archived records, and so for deleted
// ones, which alive leaves out again.
func loadAll(t *mapping.Table) bool { return archived(t) && all(t) }

func alive(t *mapping.Table, queryAll bool) string {
	if queryAll && all(t) {
		return "IsDeleted = false"
	}
	return ""
}

// loadQuery reads all records behind an Id.
func loadQuery(t *mapping.Table, after string) string {
	behind := ""
	if after != "" {
		behind = "Id > '" + after + "'"
	}
	return bulkQuery(t, behind) + " ORDER BY Id"
}

// stretchQuery reads the records of a stretch behind the place it has come to.
func stretchQuery(t *mapping.Table, x stretch) string {
	within := "Id > '" + x.After + "'"
	if x.UpTo != "" {
		within += " AND Id <= '" + x.UpTo + "'"
	}
	return bulkQuery(t, within) + " ORDER BY Id"
}

// lastIDQuery asks for the greatest Id of what a load reads behind an Id.
func lastIDQuery(t *mapping.Table, after string) string {
	return "SELECT Id FROM " + t.Object + where("Id > '"+after+"'", alive(t, loadAll(t)), filter(t)) + " ORDER BY Id DESC LIMIT 1"
}

// bulkQuery reads all records that meet a condition more, in any order.
func bulkQuery(t *mapping.Table, condition string) string {
	return selectFrom(t) + where(condition, alive(t, loadAll(t)), filter(t))
}

// window is the place that a poll has come to: every record before it, in the
// order of (SystemModstamp, Id), is applied.
type window struct {
	From time.Time `json:"from"`
	// ID is the last record on the second From; "" stands before all of them.
	ID string `json:"id,omitempty"`
	// Upper is where the mark moves when the window is through; zero before its
	// first page.
	Upper time.Time `json:"upper,omitzero"`
	Sweep bool      `json:"sweep,omitempty"`
	// Rows were read in it so far.
	Rows int `json:"rows,omitempty"`
	// Short is set for a sweep that goes back only as far as the org said that
	// not all was visible; Covered is up to when all is visible since.
	Short   bool      `json:"short,omitempty"`
	Covered time.Time `json:"covered,omitzero"`
	// Anew is set when all is read because the view has changed. What has left
	// it then is the comparison's to find, and a person's to let go.
	Anew bool `json:"anew,omitempty"`
}

// pollQuery reads what has changed from a window's place on.
func pollQuery(t *mapping.Table, w window) string {
	return selectFrom(t) + where(w.place(stamp(t)), notArchived(t), filter(t)) + inOrder(t)
}

// changedQuery lists the Ids of all that has changed from a window's place on,
// whether it meets the filter or not.
func changedQuery(t *mapping.Table, w window) string {
	return "SELECT Id, " + stamp(t) + " FROM " + t.Object + where(w.place(stamp(t)), notArchived(t)) + inOrder(t)
}

// place is the condition of what stands behind a window's place. An object
// without a stamp is read whole, in the order of Ids.
func (w window) place(stamp string) string {
	at := w.From.UTC().Format(stampForm)
	switch {
	case stamp == "" && w.ID == "":
		return ""
	case stamp == "":
		return "Id > '" + w.ID + "'"
	case w.ID != "":
		return fmt.Sprintf("(%[1]s > %[2]s OR (%[1]s = %[2]s AND Id > '%[3]s'))", stamp, at, w.ID)
	}
	return stamp + " >= " + at
}

// byIDQuery reads single records.
func byIDQuery(t *mapping.Table, ids []string) string {
	return selectFrom(t) + where("Id IN ('"+strings.Join(ids, "', '")+"')", filter(t))
}

// whichQuery asks which of some records are there.
func whichQuery(t *mapping.Table, ids []string) string {
	return "SELECT Id FROM " + t.Object + where("Id IN ('"+strings.Join(ids, "', '")+"')", filter(t))
}

// idsQuery lists the Ids of all mapped records between two Ids, "" being no
// bound; archived activities are among them, since their rows may stay.
func idsQuery(t *mapping.Table, r idRange) string {
	var after, upTo string
	if r.After != "" {
		after = "Id > '" + r.After + "'"
	}
	if r.UpTo != "" {
		upTo = "Id <= '" + r.UpTo + "'"
	}
	return "SELECT Id FROM " + t.Object + where(after, upTo, alive(t, idsAll(t)), filter(t))
}

// CountQuery counts the records of a mapping.
func CountQuery(t *mapping.Table) string {
	return "SELECT COUNT() FROM " + t.Object + where(filter(t))
}

// idsAll says whether idsQuery must ask for archived records.
func idsAll(t *mapping.Table) bool { return activity(t) && all(t) }

// all says whether deleted records are asked for along with the others.
func all(t *mapping.Table) bool { return t.Layout.Deleted >= 0 }

// notArchived leaves out activities that the load, which is no queryAll, did
// not see either.
func notArchived(t *mapping.Table) string {
	if all(t) && activity(t) && !archived(t) {
		return "IsArchived = false"
	}
	return ""
}

// pages reads the pages of one query after the other.
type pages struct {
	r     *Reader
	table *mapping.Table
	// asOf is a moment, by the org's clock, shortly before the query was made:
	// what was visible then is in it.
	asOf time.Time
	// date is the org's clock when it answered the newest page, and heard when
	// that was by ours.
	date, heard time.Time

	next        string
	total, read int
	started     bool
}

func (r *Reader) pages(t *mapping.Table) *pages {
	return &pages{r: r, table: t}
}

// begin forgets the query of before; the next page is one of a new query.
func (p *pages) begin() { p.next, p.started, p.total, p.read = "", false, 0, 0 }

// fetch reads the next page of the query into b. done says that it was the last
// one; then all announced records have come.
func (p *pages) fetch(ctx context.Context, b *record.Batch, soql string, all bool) (done bool, err error) {
	b.Reset()
	if b.Asked, err = p.r.db.Now(ctx); err != nil {
		return false, err
	}
	sent := time.Now()
	var page salesforce.Page
	if p.started {
		page, err = p.r.org.More(ctx, p.next, b)
	} else {
		page, err = p.r.org.Query(ctx, soql, all, b)
	}
	return p.accept(b, page, err, sent, time.Now())
}

// accept takes a page that was asked for at sent and had come at heard.
func (p *pages) accept(b *record.Batch, page salesforce.Page, err error, sent, heard time.Time) (done bool, _ error) {
	if err != nil {
		return false, err
	}
	if page.ServerDate.IsZero() {
		return false, errNoDate
	}
	p.date, p.heard = page.ServerDate, heard
	if !p.started {
		// The Date has whole seconds and was set after the request was sent.
		p.asOf = p.date.Add(-p.heard.Sub(sent) - time.Second)
		p.total, p.started = page.Total, true
	}
	p.next = page.Next
	p.read += b.Len()
	switch {
	case page.Done && p.read != p.total, p.read > p.total:
		return false, &ShortError{Announced: p.total, Read: p.read}
	case !page.Done && b.Len() == 0:
		return false, errEmptyPage
	}
	return page.Done, nil
}

// now is the org's clock by what it last said.
func (p *pages) now() time.Time { return p.date.Add(time.Since(p.heard)) }

// last is the Id and stamp of a batch's last record.
func last(b *record.Batch) (id string, stamp time.Time) {
	i := b.Len() - 1
	id = b.Value(i, b.Layout.ID).String()
	if s := b.Layout.Stamp; s >= 0 {
		stamp = b.Value(i, s).Time()
	}
	return id, stamp
}
