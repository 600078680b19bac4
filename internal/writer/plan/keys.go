package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// Records are known by names: the row, the sfid, the value of the unique
// identifier. Two entries concern one record if they share one.

func rowKey(table string, id int32) string { return "row:" + table + ":" + strconv.Itoa(int(id)) }

// externalKey folds case: most unique fields of Salesforce do.
func externalKey(table, value string) string { return "ext:" + table + ":" + strings.ToLower(value) }

func sfidKey(sfid string) string { return "id:" + sfid }

func appendKeys(dst []string, table string, id int32, sfid, external string) []string {
	if id != 0 {
		dst = append(dst, rowKey(table, id))
	}
	if sfid != "" {
		dst = append(dst, sfidKey(sfid))
	}
	if external != "" {
		dst = append(dst, externalKey(table, external))
	}
	return dst
}

// parents are the keys of the records that an entry points to by their unique
// identifier: it goes after them.
func parents(t *mapping.Table, tables map[string]*mapping.Table, changed []change) []string {
	var out []string
	for _, c := range changed {
		col := &t.Columns[c.column]
		if col.Relationship == "" || c.value == nil {
			continue
		}
		parent := tables[strings.ToLower(col.Target)]
		if parent == nil || parent.Upsert < 0 || col.Field == nil ||
			!strings.EqualFold(parent.Columns[parent.Upsert].Path(), col.Field.Name) {
			continue
		}
		out = append(out, externalKey(parent.Name, text(col.Type, c.value)))
	}
	return out
}

// except leaves out a record's own names: it may point to itself.
func except(needs, own []string) []string {
	return slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return slices.Contains(own, n) })
}

func text(t record.Type, v record.Value) string { return string(t.AppendText(nil, v)) }
