package reader

import (
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
)

// The queries, for tests of their form.
var (
	LoadQuery = loadQuery
	ByIDQuery = byIDQuery
	Between   = between
)

// PollQuery is the query from a window's place on.
func PollQuery(t *mapping.Table, from time.Time, id string) string {
	return pollQuery(t, window{From: from, ID: id})
}
