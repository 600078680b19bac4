package manage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Queue is what waits in the trigger log.
type Queue struct {
	// Unsent entries are NEW, Pending ones on their way, Failed ones refused.
	Unsent, Pending, Failed int
	// Oldest is the age of the oldest entry that is unsent or on its way.
	Oldest time.Duration
}

func (q *Queue) add(other Queue) {
	q.Unsent += other.Unsent
	q.Pending += other.Pending
	q.Failed += other.Failed
	q.Oldest = max(q.Oldest, other.Oldest)
}

// mark is how far a mapping has been read, as the target has it.
type mark struct {
	Rows     int64
	Total    int64
	LoadedAt time.Time
	// Lag is the time since the last poll went through, by the database's
	// clock; below 0 if there was none.
	Lag time.Duration
}

// queues counts the trigger log by table.
func queues(ctx context.Context, db *target.DB, schema string) (map[string]Queue, error) {
	depths, err := triggerlog.In(schema).Depths(ctx, db.Pool())
	if err != nil {
		return nil, err
	}
	out := make(map[string]Queue, len(depths))
	for table, d := range depths {
		out[table] = Queue(d)
	}
	return out, nil
}

// marks reads the marks of a connection by mapping ID.
func marks(ctx context.Context, db *target.DB, conn mapping.Connection) (map[string]mark, error) {
	rows, err := db.Pool().Query(ctx, `
		SELECT mapping::text, rows, coalesce(total, 0), coalesce(loaded_at, 'epoch'),
		       coalesce(extract(epoch FROM clock_timestamp() - polled_at), -1)::float8
		FROM _syncline.mark WHERE connection_id = $1`, conn.ID)
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	out := map[string]mark{}
	var id string
	var m mark
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&id, &m.Rows, &m.Total, &m.LoadedAt, &age}, func() error {
		m.Lag = time.Duration(age * float64(time.Second))
		out[id] = m
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	return out, nil
}
