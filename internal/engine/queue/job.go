package queue

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Job names one turn of one generation. Two jobs with equal fields never exist
// at once; args of a River job cannot change, hence the generation is in them.
type Job struct {
	Connection uuid.UUID
	// Kind is the kind of turn: read, write, load, tend.
	Kind string
	// Mapping is "" for a turn of the whole connection.
	Mapping string
	// Generation is raised when the job's owner has died.
	Generation int64
}

// Outcome is what becomes of a job that ran.
type Outcome struct {
	// Snooze is how long until the job runs again. Zero or less: at once.
	Snooze time.Duration
	// Done ends the job for good: its turn is no longer wanted or belongs to a
	// newer generation.
	Done bool
}

// Func runs a job. An error is for faults of the program only: River records it
// and runs the job again after [Config].RetryAfter. Trouble with an org or a
// database is an Outcome with a snooze.
type Func func(ctx context.Context, id int64, job Job) (Outcome, error)

// turnKind is the River kind of every job here.
const turnKind = "turn"

// turnArgs is the stored form of a Job.
type turnArgs struct {
	Connection uuid.UUID `json:"connection"`
	Turn       string    `json:"kind"`
	Mapping    string    `json:"mapping"`
	Generation int64     `json:"generation"`
}

// Kind names the job kind to River.
func (turnArgs) Kind() string { return turnKind }

func argsOf(j Job) turnArgs {
	return turnArgs{Connection: j.Connection, Turn: j.Kind, Mapping: j.Mapping, Generation: j.Generation}
}

func (a turnArgs) job() Job {
	return Job{Connection: a.Connection, Kind: a.Turn, Mapping: a.Mapping, Generation: a.Generation}
}
