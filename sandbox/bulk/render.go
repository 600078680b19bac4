package bulk

import (
	"context"
	"io"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// pieceRows is how many rows are rendered before they are handed to the
// writer; rendering goes on while they are compressed and sent.
const pieceRows = 1000

// Write sends the page as CSV with its header line. It ends with the
// context's error if that ends first.
func (r *Results) Write(ctx context.Context, o *org.Org, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces, spare := make(chan []byte, 2), make(chan []byte, 4)
	go func() {
		defer close(pieces)
		p := painter{r: r, org: o, raws: make([]org.Raw, r.snap.Slots())}
		for _, c := range r.job.query.columns {
			if c.direct {
				p.slots = append(p.slots, c.slot)
			}
		}
		piece := r.job.Format.line(nil, p.header())
		for from := r.From; ; from += pieceRows {
			if from < r.To {
				piece = p.rows(piece, from, min(from+pieceRows, r.To))
			}
			select {
			case pieces <- piece:
			case <-ctx.Done():
				return
			}
			if from+pieceRows >= r.To {
				return
			}
			select {
			case piece = <-spare:
				piece = piece[:0]
			default:
				piece = make([]byte, 0, 2*cap(piece))
			}
		}
	}()
	for piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		select {
		case spare <- piece:
		default:
		}
	}
	return ctx.Err()
}

// painter renders rows; it is used by one goroutine.
type painter struct {
	r    *Results
	org  *org.Org
	raws []org.Raw
	// slots are those of the columns; scratch is reused by each row.
	slots   []int
	scratch []byte
}

func (p *painter) header() []string {
	names := make([]string, len(p.r.job.query.columns))
	for i, c := range p.r.job.query.columns {
		names[i] = c.name
	}
	return names
}

// rows writes rows as they were when the job ran. What is not stored in them,
// parents and formulas, is worked out now.
func (p *painter) rows(b []byte, from, to int) []byte {
	q := p.r.job.query
	for _, c := range q.columns {
		if !c.direct {
			return p.derived(b, from, to)
		}
	}
	format, snap, id := p.r.job.Format, p.r.snap, p.r.snap.IDSlot()
	for i := from; i < to; i++ {
		p.scratch = snap.Raws(i, p.slots, p.raws, p.scratch)
		for k := range q.columns {
			if k > 0 {
				b = append(b, format.Delimiter)
			}
			if c := &q.columns[k]; c.slot == id {
				b = appendQuoted(b, snap.ID(i))
			} else {
				b = appendRaw(b, c.typ, p.raws[c.slot])
			}
		}
		b = append(b, format.LineEnd...)
	}
	return b
}

// derived is rows for queries with parents or formulas.
func (p *painter) derived(b []byte, from, to int) []byte {
	q := p.r.job.query
	_ = p.org.Read(p.r.job.actor, func(v *org.View) error { // the function can't fail
		for i := from; i < to; i++ {
			row := p.r.snap.Row(i)
			for k := range q.columns {
				if k > 0 {
					b = append(b, p.r.job.Format.Delimiter)
				}
				c := &q.columns[k]
				b = appendValue(b, c.typ, value(q.bound, v, row, c))
			}
			b = append(b, p.r.job.Format.LineEnd...)
		}
		return nil
	})
	return b
}

func value(bound *soql.Bound, v *org.View, row soql.Row, c *column) schema.Value {
	for _, hop := range c.path {
		parent, ok := bound.ParentRow(v, row, hop)
		if !ok {
			return schema.Null
		}
		row = parent
	}
	return bound.Read(v, row, c.field)
}
