package engine

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

func TestShownMetricsFollowTheChores(t *testing.T) {
	t.Parallel()
	self, other, id := uuid.New(), uuid.New(), uuid.New()
	m := telemetry.NewMetrics()
	s := newShown(m)
	look := func(node uuid.UUID, objects ...string) {
		st := &state{scopes: map[uuid.UUID]*scope{}, rows: map[Key]store.Turn{}}
		if objects != nil {
			sc := &scope{connection: mapping.Connection{ID: id}}
			for _, o := range objects {
				sc.mappings = append(sc.mappings, mapping.Mapping{ObjectName: o})
			}
			st.scopes[id] = sc
			st.rows[sc.key(KindTend, "")] = store.Turn{Node: node}
		}
		s.update(st, self)
	}
	tend := func() {
		for _, object := range []string{"Account", "Contact"} {
			m.TableRows.WithLabelValues(id.String(), object).Set(1)
			m.RowsTotal.WithLabelValues(id.String(), object, telemetry.ToPostgres, "poll").Inc()
		}
	}
	want := func(when string, gauges, counters int) {
		t.Helper()
		text := Scraped(t.Context(), m)
		g, c := strings.Count(text, "\nsyncline_table_rows{"), strings.Count(text, "\nsyncline_rows_total{")
		if g != gauges || c != counters {
			t.Errorf("%s: %d gauges and %d counters, want %d and %d", when, g, c, gauges, counters)
		}
	}
	tend()
	look(self, "Account", "Contact")
	want("chores here", 2, 2)
	look(uuid.Nil, "Account", "Contact")
	want("between two turns", 2, 2)
	look(other, "Account", "Contact")
	want("chores elsewhere", 0, 2)
	look(self, "Account", "Contact")
	tend()
	look(self, "Account")
	want("a mapping is gone", 1, 1)
	look(self)
	want("the connection is gone", 0, 0)
}
