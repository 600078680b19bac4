package manage

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// Load is how far a mapping's load has come.
type Load struct {
	store.Progress
	// Left is how long the rest takes at the rate of the last minute; below 0 if
	// that is not known.
	Left time.Duration
}

// longestLeft bounds an estimate that a stalled load would make endless.
const longestLeft = 365 * 24 * time.Hour

// loads are the stored progresses of a connection by mapping.
func (s *Service) loads(ctx context.Context, connection uuid.UUID) (map[uuid.UUID]store.Progress, error) {
	list, err := s.store.Progress(ctx, connection)
	if err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]store.Progress, len(list))
	for _, p := range list {
		out[p.Mapping] = p
	}
	return out, nil
}

// loadOf is nil for a mapping that does not load.
func loadOf(m mapping.Mapping, loads map[uuid.UUID]store.Progress) *Load {
	p, ok := loads[m.ID]
	if !ok || m.Status.Stage != mapping.StageLoading {
		return nil
	}
	out := &Load{Progress: p, Left: -1}
	rest := float64(p.Total - p.Rows)
	if seconds := rest / p.RowRate; p.Total > 0 && p.RowRate > 0 && seconds < longestLeft.Seconds() {
		out.Left = max(0, time.Duration(seconds*float64(time.Second)))
	}
	return out
}
