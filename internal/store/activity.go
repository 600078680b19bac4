package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Direction is one half of a sync.
type Direction string

// The directions.
const (
	ToSalesforce Direction = "to_salesforce"
	ToPostgres   Direction = "to_postgres"
)

// Activity is what one mapping did in one direction within a minute.
type Activity struct {
	Mapping   uuid.UUID
	Direction Direction
	// Minute is its start; on adding, the store sets it.
	Minute time.Time
	// Rows were changed, Errors were refused.
	Rows, Errors int64
	// Latency is from a change's commit on one side to its commit on the other.
	Latency Histogram
}

// activityRecord is how activity travels to the database.
type activityRecord struct {
	Mapping   uuid.UUID `json:"mapping"`
	Direction Direction `json:"direction"`
	Rows      int64     `json:"rows"`
	Errors    int64     `json:"errors"`
	Count     int64     `json:"latency_count"`
	SumMS     float64   `json:"latency_sum_ms"`
	MaxMS     float64   `json:"latency_max_ms"`
	Histogram []int64   `json:"histogram"`
}

// AddActivity adds to the current minute.
func (q *Queries) AddActivity(ctx context.Context, connection uuid.UUID, activity []Activity) error {
	if len(activity) == 0 {
		return nil
	}
	records, err := json.Marshal(recordsOf(activity))
	if err != nil {
		return fmt.Errorf("add activity: %w", err)
	}
	_, err = q.db.Exec(ctx, `
		INSERT INTO syncline.activity AS a (connection, minute, mapping, direction, rows, errors,
			latency_count, latency_sum_ms, latency_max_ms, histogram)
		SELECT $1, date_trunc('minute', clock_timestamp()), r.*
		FROM jsonb_to_recordset($2) AS r (mapping uuid, direction text, rows bigint, errors bigint,
			latency_count bigint, latency_sum_ms float8, latency_max_ms float8, histogram bigint[])
		ON CONFLICT (connection, mapping, direction, minute) DO UPDATE SET rows = a.rows + excluded.rows,
			errors = a.errors + excluded.errors, latency_count = a.latency_count + excluded.latency_count,
			latency_sum_ms = a.latency_sum_ms + excluded.latency_sum_ms,
			latency_max_ms = greatest(a.latency_max_ms, excluded.latency_max_ms),
			histogram = ARRAY(SELECT coalesce(b.x, 0) + coalesce(b.y, 0)
				FROM unnest(a.histogram, excluded.histogram) WITH ORDINALITY AS b (x, y, place) ORDER BY b.place)`,
		connection, json.RawMessage(records))
	return explain("add activity", err)
}

// recordsOf sums up by mapping and direction, in one order, so that two nodes
// never wait for each other in a circle.
func recordsOf(activity []Activity) []activityRecord {
	type key struct {
		mapping   uuid.UUID
		direction Direction
	}
	sums := make(map[key]*Activity)
	for _, a := range activity {
		sum := sums[key{a.Mapping, a.Direction}]
		if sum == nil {
			sum = &Activity{Mapping: a.Mapping, Direction: a.Direction}
			sums[key{a.Mapping, a.Direction}] = sum
		}
		sum.Rows, sum.Errors = sum.Rows+a.Rows, sum.Errors+a.Errors
		sum.Latency.Merge(a.Latency)
	}
	var records []activityRecord
	for _, a := range slices.SortedFunc(maps.Values(sums), func(a, b *Activity) int {
		return cmp.Or(slices.Compare(a.Mapping[:], b.Mapping[:]), cmp.Compare(a.Direction, b.Direction))
	}) {
		records = append(records, activityRecord{
			Mapping: a.Mapping, Direction: a.Direction, Rows: a.Rows, Errors: a.Errors,
			Count: a.Latency.Count, SumMS: milliseconds(a.Latency.Sum), MaxMS: milliseconds(a.Latency.Max),
			Histogram: nonNil(a.Latency.Buckets),
		})
	}
	return records
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Activity returns a connection's minutes from since on, oldest first.
func (q *Queries) Activity(ctx context.Context, connection uuid.UUID, since time.Time) ([]Activity, error) {
	rows, _ := q.db.Query(ctx, `
		SELECT mapping, direction, minute, rows, errors, latency_count, latency_sum_ms, latency_max_ms, histogram
		FROM syncline.activity WHERE connection = $1 AND minute >= date_trunc('minute', $2::timestamptz)
		ORDER BY minute, mapping, direction`, connection, since)
	activity, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Activity, err error) {
		var sum, longest float64
		err = row.Scan(&a.Mapping, &a.Direction, &a.Minute, &a.Rows, &a.Errors, &a.Latency.Count, &sum, &longest, &a.Latency.Buckets)
		a.Latency.Sum, a.Latency.Max = time.Duration(sum*float64(time.Millisecond)), time.Duration(longest*float64(time.Millisecond))
		return a, err
	})
	return activity, explain("read activity", err)
}
