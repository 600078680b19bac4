package reader

import (
	"context"
	"time"
)

// fullEvery is how often a poll goes back by the whole overlap although the
// org says what is covered.
const fullEvery = 30 * time.Minute

// cover asks the org up to when all that was changed is visible by now, so
// that the sweep need not go back by the whole overlap: after a mass update it
// would read every record of it, again and again, for ten minutes. It is one
// call, so it is asked only while sweeps by the whole overlap would be longer
// than a page. Without an answer the sweep goes back as far as ever.
func (p *poll) cover(ctx context.Context, o PollOptions) {
	d := p.mark.detail
	if d.Window != nil || !p.sweepDue(o) || p.began.Sub(d.BusyAt) > p.r.settings.SweepOverlap ||
		stamp(p.table) == "" || p.table.Describe == nil || !p.table.Describe.Replicateable {
		return
	}
	// The org's clock, as far as the last poll and ours tell; a little behind.
	end := p.mark.Stamp.Add(p.began.Sub(p.mark.PolledAt) - 2*time.Second)
	list, err := p.r.org.Updated(ctx, p.table.Object, end.Add(-coverSpan), end)
	if err != nil {
		p.r.log.InfoContext(ctx, "the org does not say what is covered; sweeping by the whole overlap", "object", p.table.Object, "error", err)
		return
	}
	if !list.LatestDateCovered.After(end) {
		p.covered = list.LatestDateCovered
	}
}

// coverSpan is the shortest window that the org accepts, and so the one with
// the fewest Ids in its answer, which nobody needs.
const coverSpan = 61 * time.Second

func (p *poll) sweepDue(o PollOptions) bool {
	return o.Sweep || p.began.Sub(p.mark.detail.SweptAt) >= p.r.settings.SweepEvery
}

// sweep makes a new window go back. Whatever is older than where it begins was
// visible when the sweep before was made: because that is longer ago than a
// transaction can last, or because the org has said so.
func (p *poll) sweep(w window, o PollOptions) window {
	if !p.sweepDue(o) {
		return w
	}
	w.Sweep, w.Covered = true, p.covered
	back := p.mark.Sweep.Add(-p.r.settings.SweepOverlap)
	d := p.mark.detail
	if w.Short = !o.Sweep && !p.covered.IsZero() && !d.Covered.IsZero() && p.began.Sub(d.FullAt) < fullEvery; w.Short {
		back = d.Covered.Add(-time.Second)
	}
	if back.Before(w.From) {
		w.From = back
	}
	return w
}

// swept notes in the mark that a window is through.
func (m *Mark) swept(w window, began time.Time, busy int) {
	d := &m.detail
	if d.SweepRows += w.Rows; d.SweepRows > busy {
		d.BusyAt = began
	}
	if !w.Sweep {
		return
	}
	if !w.Short {
		m.Sweep, d.FullAt = w.Upper, began
	}
	d.SweptAt, d.Covered, d.SweepRows = began, w.Covered, 0
}
