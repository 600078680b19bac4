package record

// Without returns a copy of the batch that lacks the records for which skip is
// true; it has one value for each.
func (b *Batch) Without(skip []bool) *Batch {
	out := &Batch{Layout: b.Layout, Asked: b.Asked}
	for i, at := range b.rows {
		if skip[i] {
			continue
		}
		end := len(b.buf)
		if i+1 < len(b.rows) {
			end = b.rows[i+1]
		}
		out.rows = append(out.rows, len(out.buf))
		out.buf = append(out.buf, b.buf[at:end]...)
	}
	return out
}
