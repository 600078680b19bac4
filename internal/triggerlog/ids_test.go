package triggerlog_test

import (
	"math"
	"testing"

	"github.com/synclinehq/syncline/internal/triggerlog"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, k := range []struct {
		sql  string
		want triggerlog.IDs
		many bool
	}{
		{"SELECT 1", triggerlog.IDs{Max: math.MaxInt32}, false},
		{`SELECT nextval('_trigger_log_id_seq')`, triggerlog.IDs{Last: 1, Max: math.MaxInt32}, false},
		{`SELECT setval('_trigger_log_id_seq', 1500000000)`, triggerlog.IDs{Last: 1_500_000_000, Max: math.MaxInt32}, false},
		{`SELECT setval('_trigger_log_id_seq', 1510000000)`, triggerlog.IDs{Last: 1_510_000_000, Max: math.MaxInt32}, true},
		{`ALTER SEQUENCE _trigger_log_id_seq AS bigint MAXVALUE 9000000000`, triggerlog.IDs{Last: 1_510_000_000, Max: math.MaxInt32}, true},
	} {
		s.run(k.sql)
		got, err := s.IDs(t.Context(), s.db)
		if err != nil || got != k.want || got.Share() >= triggerlog.ManyIDs != k.many {
			t.Errorf("after %s: %+v, share %v, %v", k.sql, got, got.Share(), err)
		}
	}
}
