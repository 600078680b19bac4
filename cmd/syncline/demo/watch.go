package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// isGone says whether the org answered that a record is deleted.
func isGone(err error) bool {
	return strings.Contains(err.Error(), "ENTITY_IS_DELETED") || strings.Contains(err.Error(), "NOT_FOUND")
}

// Latency is how long changes took, from commit on one side to commit on the
// other, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func latency(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000
	}
	return Latency{P50: at(0.5), P99: at(0.99)}
}

// watchInterval is how often the watcher looks: the resolution of what it
// measures.
const watchInterval = 10 * time.Millisecond

// watch times how long edits in the org take to show in Postgres, until ctx
// ends. It looks rows up by sfid, on a connection of its own.
func (r *round) watch(ctx context.Context, db *pgx.Conn) ([]time.Duration, error) {
	var took []time.Duration
	seen := map[int]bool{}
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return took, nil
		case <-tick.C:
		}
		r.mu.Lock()
		probes := slices.Clone(r.toTable)
		r.mu.Unlock()
		arrived, err := arrivals(ctx, db, probes, seen)
		if err != nil {
			if ctx.Err() != nil {
				return took, nil
			}
			return took, err
		}
		now := time.Now()
		for _, i := range arrived {
			seen[i] = true
			took = append(took, now.Sub(probes[i].at))
		}
	}
}

// arrivals are the probes, not seen before, whose value stands in the table.
func arrivals(ctx context.Context, db *pgx.Conn, probes []probe, seen map[int]bool) ([]int, error) {
	type place struct{ table, column string }
	waiting := map[place]map[string]int{}
	for i, p := range probes {
		if seen[i] {
			continue
		}
		at := place{p.table, p.column}
		if waiting[at] == nil {
			waiting[at] = map[string]int{}
		}
		waiting[at][p.sfid] = i
	}
	var out []int
	for at, bySfid := range waiting {
		var sfids []string
		for sfid := range bySfid {
			sfids = append(sfids, sfid)
		}
		rows, err := db.Query(ctx, fmt.Sprintf("SELECT sfid, coalesce(%s, '') FROM %s WHERE sfid = ANY($1)",
			pgx.Identifier{at.column}.Sanitize(), pgx.Identifier{at.table}.Sanitize()), sfids)
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", at.table, err)
		}
		var sfid, value string
		_, err = pgx.ForEachRow(rows, []any{&sfid, &value}, func() error {
			if i := bySfid[sfid]; probes[i].value == value {
				out = append(out, i)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", at.table, err)
		}
	}
	return out, nil
}

// accepted is an entry of the org's log of accepted writes.
type accepted struct {
	Seq    int64          `json:"seq"`
	At     time.Time      `json:"at"`
	OAuth  string         `json:"oauthClient"`
	Object string         `json:"object"`
	ID     string         `json:"id"`
	Op     string         `json:"op"`
	Fields map[string]any `json:"fields"`
}

// writesSince reads the org's log of accepted writes after a sequence number.
func (o *otherUser) writesSince(ctx context.Context, seq int64) ([]accepted, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/_sandbox/writes?since=%d", o.url, seq), nil)
	if err != nil {
		return nil, err
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the org's log of writes: %w", err)
	}
	defer resp.Body.Close()
	var out []accepted
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var w accepted
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, fmt.Errorf("read the org's log of writes: %w", err)
		}
		out = append(out, w)
	}
	return out, lines.Err()
}

// timedArrivals finds the accepted write of each local edit.
func (r *round) timedArrivals(writes []accepted) []time.Duration {
	var took []time.Duration
	for _, p := range r.toOrg {
		for _, w := range writes {
			if w.ID == p.sfid && w.Object == p.object && w.Fields[p.field] == p.value {
				took = append(took, max(0, w.At.Sub(p.at)))
				break
			}
		}
	}
	return took
}
