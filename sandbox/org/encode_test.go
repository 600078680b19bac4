package org

import (
	"testing"

	"github.com/synclinehq/syncline/sandbox/schema"
	"pgregory.net/rapid"
)

func drawValue(t *rapid.T) schema.Value {
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return schema.Bool(rapid.Bool().Draw(t, "bool"))
	case 1:
		return schema.Number(rapid.Float64Range(-1e18, 1e18).Draw(t, "number"))
	case 2:
		return schema.Number(float64(rapid.Int32().Draw(t, "int")))
	case 3:
		return schema.Text(rapid.String().Draw(t, "text"))
	case 4:
		return schema.Date(rapid.Int64Range(-98615, 741821).Draw(t, "date"))
	case 5:
		return schema.Instant(rapid.Int64Range(-8520336000, 64092211200).Draw(t, "instant"))
	}
	return schema.Null
}

func TestEncodedRowKeepsEveryValueInAnyOrderOfReading(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(drawValue), 0, 40).Draw(t, "values")
		data := encodeRow(values)
		for i, v := range decodeRow(data, len(values)) {
			if v != values[i] {
				t.Fatalf("slot %d: %v, want %v", i, v, values[i])
			}
		}
		view := &recordView{t: &table{sys: systemSlots{id: -1}}, data: data}
		for range 60 {
			slot := rapid.IntRange(0, 45).Draw(t, "slot")
			want := schema.Null
			if slot < len(values) {
				want = values[slot]
			}
			if got := view.Value(slot); got != want || fieldOf(data, slot) != want {
				t.Fatalf("slot %d: %v, want %v", slot, got, want)
			}
		}
	})
}
