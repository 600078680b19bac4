package record_test

import (
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
)

func TestBatchTruncate(t *testing.T) {
	t.Parallel()
	b := record.NewBatch(record.NewLayout([]record.Column{{Field: "Id", Name: "sfid"}, {Field: "Name", Name: "name"}}))
	b.Append([]record.Value{record.TextValue("1"), record.TextValue("one")})
	size := b.Size()
	b.Append([]record.Value{record.TextValue("2"), nil})
	b.Truncate(5)
	if b.Len() != 2 {
		t.Errorf("%d records, want 2", b.Len())
	}
	b.Truncate(1)
	if b.Len() != 1 || b.Size() != size {
		t.Errorf("%d records of %d bytes, want 1 of %d", b.Len(), b.Size(), size)
	}
	b.Append([]record.Value{record.TextValue("3"), record.TextValue("three")})
	if diff := cmp.Diff([]record.Value{record.TextValue("3"), record.TextValue("three")}, b.Row(1, nil)); diff != "" {
		t.Error(diff)
	}
}

// A stream is that of the batches one behind the other, however it is read,
// with the fixed values at the end of each record.
func TestStream(t *testing.T) {
	t.Parallel()
	l := record.NewLayout([]record.Column{{Field: "Id", Name: "sfid"}, {Field: "Name", Name: "name"}})
	wide := record.NewLayout(append(l.Columns, record.Column{Field: "A", Name: "a"}, record.Column{Field: "B", Name: "b"}))
	first, second, none, want := record.NewBatch(l), record.NewBatch(l), record.NewBatch(l), record.NewBatch(wide)
	fixed := []record.Value{record.TextValue("x"), nil}
	for i, row := range [][]record.Value{{record.TextValue("1"), record.TextValue("one")}, {record.TextValue("2"), nil}, {record.TextValue("3"), nil}} {
		[]*record.Batch{first, first, second}[i].Append(row)
		want.Append(append(row, fixed...))
	}
	wanted, err := io.ReadAll(want.CopyReader())
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader} {
		left := []*record.Batch{first, none, second, nil}
		got, err := io.ReadAll(how(record.NewStream(func() *record.Batch {
			b := left[0]
			left = left[1:]
			return b
		}, fixed...)))
		if diff := cmp.Diff(wanted, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
}
