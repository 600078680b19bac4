package work

import (
	"context"
	"time"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
)

// retryIndexesEvery is how often unique indexes are looked at that the rows did
// not allow.
const retryIndexesEvery = 10 * time.Minute

// tellLeftOut names the records for which a mapping's unique index could not be
// built.
func (w *Work) tellLeftOut(ctx context.Context, t *engine.Turn, m mapping.Mapping) error {
	left, err := schema.LeftOutIndexes(ctx, t.Session.DB.Pool(), t.Config)
	if err != nil {
		return err
	}
	for _, x := range left {
		if x.Mapping != m.ID {
			continue
		}
		w.event(ctx, store.Event{
			Connection: t.Connection, Mapping: m.ID, Level: "warn", Event: "UNIQUE INDEX LEFT OUT " + x.Index,
			Fields: map[string]any{
				"table": x.Table, "column": x.Column, "records": x.Sample,
				"fix": "give the records different values in Salesforce; the index is tried again every hour",
			},
		})
	}
	return nil
}

// retryIndexes builds unique indexes whose rows have become unique.
func (w *Work) retryIndexes(ctx context.Context, t *engine.Turn) error {
	now, memory := time.Now(), w.of(t.Connection)
	if !memory.due(retryIndexes, now) {
		return nil
	}
	memory.putOff(retryIndexes, now.Add(retryIndexesEvery))
	left, err := schema.LeftOutIndexes(ctx, t.Session.DB.Pool(), t.Config)
	if err != nil || len(left) == 0 {
		return err
	}
	list, _ := tables(ctx, t, t.Active(mapping.StageSynced)) // each mapping was told
	for _, table := range list {
		built, err := schema.RetryIndexes(ctx, t.Session.DB, t.Config, table)
		if err != nil {
			return err
		}
		for _, x := range built {
			w.event(ctx, store.Event{Connection: t.Connection, Mapping: table.Mapping.ID, Level: "info", Event: "UNIQUE INDEX BUILT " + x})
		}
	}
	return nil
}
