package bulkcsv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/record"
)

// window is how much input a decoder holds to begin with; a record that is
// longer makes it grow.
const window = 128 << 10

// maxRecord bounds a single record, so that a quote that never ends does not
// take the memory.
const maxRecord = 64 << 20

// Decoder reads the records of one page after the other, all of one layout.
type Decoder struct {
	layout *record.Layout
	scan   scanner
	// texts are the values of the record at hand, into the scanner's window.
	texts  [][]byte
	header bool // was read and checked
	rows   int  // records read of this page
}

// NewDecoder returns a decoder for a page with the fields of a layout.
func NewDecoder(l *record.Layout, page io.Reader) *Decoder {
	d := &Decoder{layout: l, texts: make([][]byte, 0, len(l.Columns))}
	d.Reset(page)
	return d
}

// Reset begins another page and keeps the memory.
func (d *Decoder) Reset(page io.Reader) {
	d.scan.reset(page)
	d.header, d.rows = false, 0
}

// Rows is the number of records read of this page, those skipped included.
func (d *Decoder) Rows() int { return d.rows }

// Limit bounds what one [Decoder.Next] appends: whichever is reached first.
type Limit struct {
	// Rows is a number of records; Bytes is one of bytes in the batch, which
	// the last record may exceed.
	Rows, Bytes int
}

// Next appends records to b until the limit is reached or the page ends. At
// the end of the page the error is io.EOF, alone or after the last records. On
// any other error, be it a cut body, a header that is not the layout's
// ([*HeaderError]), a record of another width ([*FormatError]) or a value that
// its column can't hold ([*ValueError]), b is as it was before.
func (d *Decoder) Next(b *record.Batch, limit Limit) (n int, err error) {
	before, start := b.Len(), d.rows
	if err := d.checkHeader(); err != nil {
		return 0, err
	}
	for b.Len()-before < limit.Rows && b.Size() < limit.Bytes {
		if d.texts, err = d.scan.record(d.texts[:0]); err == nil {
			err = d.append(b)
		}
		if errors.Is(err, io.EOF) {
			return b.Len() - before, io.EOF
		}
		if err != nil {
			b.Truncate(before)
			d.rows = start
			return 0, err
		}
		d.rows++
	}
	return b.Len() - before, nil
}

// Skip passes over n records without looking at their values. A page that ends
// before is an io.ErrUnexpectedEOF.
func (d *Decoder) Skip(n int) (err error) {
	if err := d.checkHeader(); err != nil {
		return err
	}
	for range n {
		if d.texts, err = d.scan.record(d.texts[:0]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("skip to record %d: %w", n+1, err)
		}
		d.rows++
	}
	return nil
}

// append adds the record at hand. It is dropped whole if a value is bad.
func (d *Decoder) append(b *record.Batch) error {
	if len(d.texts) != len(d.layout.Columns) {
		return &FormatError{Row: d.rows + 1, Problem: fmt.Sprintf("%d values, the header has %d", len(d.texts), len(d.layout.Columns))}
	}
	b.StartRow()
	for i, text := range d.texts {
		c := &d.layout.Columns[i]
		if err := b.AppendText(&c.Type, text); err != nil {
			b.Truncate(b.Len() - 1)
			return &ValueError{Row: d.rows + 1, ID: string(d.texts[d.layout.ID]), Field: c.Field, err: err}
		}
	}
	return nil
}

func (d *Decoder) checkHeader() error {
	if d.header {
		return nil
	}
	if err := d.scan.bom(); err != nil {
		return err
	}
	names, err := d.scan.record(nil)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the page has no header: %w", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	same := slices.EqualFunc(names, d.layout.Columns, func(name []byte, c record.Column) bool {
		return strings.EqualFold(string(name), c.Field)
	})
	if !same {
		return &HeaderError{Got: string(bytes.Join(names, []byte(","))), Want: strings.Join(d.layout.Paths(), ",")}
	}
	d.header = true
	return nil
}
