package restjson

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/synclinehq/syncline/internal/record"
)

// Page is what a query reply says beside its records.
type Page struct {
	// Total is the number of records of the whole result, not of the page.
	Total int
	// Done says that no page follows; otherwise Next is the link to it.
	Done bool
	Next string
	// Rows is the number of records that this page added.
	Rows int
}

// Decoder reads replies whose records have the fields of one layout. It keeps
// its buffers between pages and belongs to one goroutine at a time.
type Decoder struct {
	json   *jsontext.Decoder
	row    rowDecoder
	values []record.Value
}

// options let one odd record pass rather than stop a mapping: a lone surrogate
// reads as U+FFFD, of a key given twice the last counts.
var options = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

// NewDecoder returns a decoder for records that were selected by the layout's
// paths.
func NewDecoder(l *record.Layout) *Decoder {
	return &Decoder{
		json:   jsontext.NewDecoder(strings.NewReader(""), options...),
		row:    newRowDecoder(l),
		values: make([]record.Value, len(l.Columns)),
	}
}

// DecodePage appends the records of a query reply to b. On any error, be it a
// body that is cut, a selected field that a record lacks ([*MissingError]) or
// a value that its column cannot hold ([*ValueError]), b is as it was before.
func (d *Decoder) DecodePage(r io.Reader, b *record.Batch) (Page, error) {
	before := b.Len()
	d.json.Reset(r, options...)
	page, err := d.page(b)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		b.Truncate(before)
		return Page{}, fmt.Errorf("read query reply: %w", err)
	}
	page.Rows = b.Len() - before
	return page, nil
}

// DecodeList appends the records of a Collections retrieve, a bare array, to
// b. Missing holds the positions, counted from 0, of the null entries that
// stand for records that are not there. On an error b is as it was before.
func (d *Decoder) DecodeList(r io.Reader, b *record.Batch) (missing []int, err error) {
	before := b.Len()
	d.json.Reset(r, options...)
	missing, err = d.records(b)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		b.Truncate(before)
		return nil, fmt.Errorf("read list of records: %w", err)
	}
	return missing, nil
}

// seen are the keys of a query reply that it must have.
type seen struct{ total, done, records bool }

func (d *Decoder) page(b *record.Batch) (Page, error) {
	var page Page
	var has seen
	if err := d.open('{', "an object"); err != nil {
		return page, err
	}
	for d.json.PeekKind() != '}' {
		key, err := d.json.ReadToken()
		if err != nil {
			return page, unexpected(err)
		}
		if err := d.member(key.String(), &page, &has, b); err != nil {
			return page, err
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return page, unexpected(err)
	}
	switch {
	case !has.records || !has.done || !has.total:
		return page, errors.New("the reply lacks records, done or totalSize: it is no query result")
	case !page.Done && page.Next == "":
		return page, errors.New("the reply is not done and has no link to the next page")
	}
	return page, nil
}

func (d *Decoder) member(key string, page *Page, has *seen, b *record.Batch) error {
	if key == "records" {
		has.records = true
		missing, err := d.records(b)
		if err == nil && len(missing) > 0 {
			err = errors.New("a null stands among the records")
		}
		return err
	}
	kind := d.json.PeekKind()
	switch {
	case key == "totalSize" && kind == '0':
		has.total = true
		t, err := d.json.ReadToken()
		if err != nil {
			return unexpected(err)
		}
		n, err := t.Int()
		if err != nil {
			return fmt.Errorf("totalSize: %w", err)
		}
		page.Total = int(n)
	case key == "done" && (kind == 't' || kind == 'f'):
		has.done = true
		t, err := d.json.ReadToken()
		if err != nil {
			return unexpected(err)
		}
		page.Done = t.Bool()
	case key == "nextRecordsUrl" && kind == '"':
		t, err := d.json.ReadToken()
		if err != nil {
			return unexpected(err)
		}
		page.Next = t.String()
	default:
		return unexpected(d.json.SkipValue())
	}
	return nil
}

// records appends an array of records.
func (d *Decoder) records(b *record.Batch) (missing []int, err error) {
	if err := d.open('[', "an array of records"); err != nil {
		return nil, err
	}
	for i := 0; d.json.PeekKind() != ']'; i++ {
		raw, err := d.json.ReadValue()
		if err != nil {
			return nil, unexpected(err)
		}
		if raw.Kind() == 'n' {
			missing = append(missing, i)
			continue
		}
		if raw.Kind() != '{' {
			return nil, fmt.Errorf("entry %d is no record: %s", i, shorten(raw))
		}
		if err := d.row.decode(raw, d.values); err != nil {
			return nil, err
		}
		b.Append(d.values)
	}
	_, err = d.json.ReadToken()
	return missing, unexpected(err)
}

// open reads the token that an object or array begins with.
func (d *Decoder) open(kind jsontext.Kind, what string) error {
	t, err := d.json.ReadToken()
	if err != nil {
		return unexpected(err)
	}
	if t.Kind() != kind {
		return fmt.Errorf("%s is wanted, the reply has %s", what, t.Kind())
	}
	return nil
}

// end checks that nothing follows the reply.
func (d *Decoder) end() error {
	switch _, err := d.json.ReadToken(); {
	case errors.Is(err, io.EOF): // which a cut body's ErrUnexpectedEOF is not
		return nil
	case err != nil:
		return err
	default:
		return errors.New("something follows the end of the reply")
	}
}

// unexpected makes an end of input inside a reply what it is: a cut body.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
