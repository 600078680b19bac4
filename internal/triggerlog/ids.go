package triggerlog

import (
	"context"
	"fmt"
	"math"
)

// ManyIDs is the share of the log's ids from which a person should act: what
// is left lasts some time even at full speed (docs/operate.md).
const ManyIDs = 0.7

// IDs tells how far the log's sequence of 32-bit ids has come. When it is at its
// end, every change of a mapped table fails.
type IDs struct {
	// Last is the id given out last, 0 if none was; Max the greatest that there
	// can be.
	Last, Max int64
}

// Share is the part of the ids that is used, 0 to 1.
func (i IDs) Share() float64 {
	if i.Max <= 0 {
		return 0
	}
	return float64(i.Last) / float64(i.Max)
}

// IDs reads the sequence. Ids are counted up to what an integer holds even
// where somebody has widened the column.
func (l *Log) IDs(ctx context.Context, q Querier) (IDs, error) {
	var ids IDs
	err := q.QueryRow(ctx, `SELECT coalesce(last_value, 0), least(max_value, $2::bigint) FROM pg_catalog.pg_sequences
		WHERE schemaname = $1 AND sequencename = '_trigger_log_id_seq'`, l.schema, math.MaxInt32).Scan(&ids.Last, &ids.Max)
	if err != nil {
		return IDs{}, fmt.Errorf("read the trigger log's sequence: %w", err)
	}
	return ids, nil
}
