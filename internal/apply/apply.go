package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Result counts what became of a batch. Unchanged rows are in none.
type Result struct {
	Inserted, Updated, Deleted int
	// Deferred records wait in _syncline.deferred and must be read again.
	Deferred int
	// Refused records wait in _syncline.read_error: the database does not take
	// them as they are.
	Refused int
	// Passed records were older than a write of ours that Salesforce has
	// accepted since; that write moved their stamp, so the next poll brings
	// them again.
	Passed int
	// Conflicts were logged, Kept of them for the application's side.
	Conflicts, Kept int
}

// Add sums two results.
func (r Result) Add(s Result) Result {
	return Result{
		Inserted: r.Inserted + s.Inserted, Updated: r.Updated + s.Updated, Deleted: r.Deleted + s.Deleted,
		Deferred: r.Deferred + s.Deferred, Refused: r.Refused + s.Refused, Passed: r.Passed + s.Passed, Conflicts: r.Conflicts + s.Conflicts,
		Kept: r.Kept + s.Kept,
	}
}

// Changes is the number of rows written.
func (r Result) Changes() int { return r.Inserted + r.Updated + r.Deleted }

// Applier applies batches to one table. It holds no state between batches and
// may be used by several goroutines.
type Applier struct {
	connection uuid.UUID
	table      *mapping.Table
	log        *triggerlog.Log
	box        *outbox.Outbox
	sql        statements
	// arraysUpTo rows travel as arrays, more by COPY through a temporary
	// table; a batch of copyFrom new records goes straight into the table.
	arraysUpTo, copyFrom int
}

// New returns the applier of a mapped table in a schema.
func New(connection uuid.UUID, schema string, t *mapping.Table) *Applier {
	return &Applier{
		connection: connection,
		table:      t,
		log:        triggerlog.In(schema),
		box:        outbox.Of(connection),
		sql:        newStatements(schema, t),
		arraysUpTo: 200,
		copyFrom:   200, // below, a savepoint costs more
	}
}

// Apply puts the batch into the table, inside tx. It returns the database's
// error as it is: target.Classify tells a refused value from a lost connection.
func (a *Applier) Apply(ctx context.Context, tx *target.Tx, b *record.Batch) (Result, error) {
	if b.Len() == 0 {
		return Result{}, nil
	}
	b, err := a.differing(ctx, tx, b)
	if err != nil || b.Len() == 0 {
		return Result{}, err
	}
	m, err := a.match(ctx, tx, b)
	if err != nil {
		return Result{}, err
	}
	if m.allNew {
		ok, err := a.copyDirect(ctx, tx, b)
		if ok && b.Len() <= a.arraysUpTo { // so few may be ones that have waited
			err = Settled(ctx, tx, a.connection, a.table.Mapping.ID, slices.Collect(maps.Keys(m.last)))
		}
		if err != nil || ok {
			return Result{Inserted: b.Len()}, err
		}
		// Somebody inserted one of the rows meanwhile: match again.
		if m, err = a.match(ctx, tx, b); err != nil {
			return Result{}, err
		}
	}
	plan, err := a.decide(b, m)
	if err != nil {
		return Result{}, err
	}
	return a.carryOut(ctx, tx, b, plan)
}

// copyDirect loads a whole batch of unknown records straight into the table.
// It returns false, with nothing done, when a row stands in the way.
func (a *Applier) copyDirect(ctx context.Context, tx *target.Tx, b *record.Batch) (bool, error) {
	save, err := tx.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("set a savepoint: %w", err)
	}
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, inCopy{b.CopyReader()}, a.sql.copyTable); err != nil {
		if rollback := save.Rollback(ctx); rollback != nil {
			return false, fmt.Errorf("copy into %s: %w", a.table.Name, err)
		}
		switch class := target.Classify(err); {
		case class == target.Value, class == target.Schema, isClash(err), isRefusal(err):
			return false, nil // the slow way finds out which row, or copes with another type
		default:
			return false, fmt.Errorf("copy into %s: %w", a.table.Name, err)
		}
	}
	if err := save.Commit(ctx); err != nil {
		return false, fmt.Errorf("release the savepoint: %w", err)
	}
	return true, nil
}
