package record

import "encoding/binary"

// StartRow begins a record whose values follow by [Batch.AppendText], one for
// each column of the layout and in its order. A record that can't be finished
// goes by [Batch.Truncate].
func (b *Batch) StartRow() {
	b.rows = append(b.rows, len(b.buf))
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(len(b.Layout.Columns)))
}

// AppendText adds the next value of the record that was begun, from its text
// form and under the rules of [Type.ParseText]: the image goes straight into
// the buffer. After an error the record must be truncated.
func (b *Batch) AppendText(t *Type, text []byte) error {
	at := len(b.buf)
	b.buf = append(b.buf, 0xff, 0xff, 0xff, 0xff)
	out, err := t.AppendImage(b.buf, text)
	if err != nil {
		return err
	}
	if n := len(out) - at - 4; n > 0 {
		binary.BigEndian.PutUint32(out[at:], uint32(n))
	}
	b.buf = out
	return nil
}
