package record_test

import (
	"testing"

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
