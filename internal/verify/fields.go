package verify

import (
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// fields lists the columns that differ.
func fields(t *mapping.Table, rec, r *row) []FieldDifference {
	var out []FieldDifference
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.Type.SameForVerify(rec.values[i], r.values[i]) {
			out = append(out, FieldDifference{Field: c.Path(), Salesforce: asText(c.Type, rec.values[i]), Postgres: asText(c.Type, r.values[i])})
		}
	}
	return out
}

// maxText bounds a value in a sample, in bytes.
const maxText = 200

func asText(t record.Type, v record.Value) *string {
	if v == nil {
		return nil
	}
	s := string(t.AppendText(nil, v))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return &s
}
