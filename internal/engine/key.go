package engine

import (
	"github.com/synclinehq/syncline/internal/engine/queue"
	"github.com/synclinehq/syncline/internal/store"
)

// Key names one line of turns.
type Key = store.Key

// The kinds of turn.
const (
	// KindRead polls all due mappings of a connection together.
	KindRead = "read"
	// KindWrite sends what the application changed, for a whole connection.
	KindWrite = "write"
	// KindLoad makes a mapping's table and fills it.
	KindLoad = "load"
	// KindTend does a connection's chores: archive, purge, verify.
	KindTend = "tend"
)

func jobOf(key Key, generation int64) queue.Job {
	return queue.Job{Connection: key.Connection, Kind: key.Kind, Mapping: key.Mapping, Generation: generation}
}

func keyOf(job queue.Job) Key {
	return Key{Connection: job.Connection, Kind: job.Kind, Mapping: job.Mapping}
}
