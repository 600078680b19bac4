package triggerlog

import (
	"context"
	"fmt"
)

// GiveUp ends the entries of a table that is mapped no more: NEW and FAILED
// ones become IGNORED. It returns how many; those on their way are left alone.
func (l *Log) GiveUp(ctx context.Context, q Querier, table string) (int, error) {
	tag, err := q.Exec(ctx, `UPDATE `+l.live+` SET state = 'IGNORED', processed_at = now(), updated_at = now()
		WHERE state IN ('NEW', 'FAILED') AND table_name = $1`, table)
	if err != nil {
		return 0, fmt.Errorf("give up trigger log entries of %s: %w", table, err)
	}
	return int(tag.RowsAffected()), nil
}
