package engine_test

import (
	"testing"

	"github.com/synclinehq/syncline/internal/engine"
)

// BenchmarkGuardianRound is one look at 2,000 connections with 10,000 mappings
// of 50 fields and 6,000 turns that are all in order.
func BenchmarkGuardianRound(b *testing.B) {
	r := newRig(b)
	r.connect("model")
	for _, sql := range []string{
		`INSERT INTO syncline.connection SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'resource_name', 'r' || i))).*
		 FROM syncline.connection c, generate_series(1, 1999) i`,
		`UPDATE syncline.mapping SET fields = (SELECT array_agg('Custom_Field_' || i || '__c') FROM generate_series(1, 50) i)`,
		`INSERT INTO syncline.mapping SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'object_name', 'O' || i, 'connection', c.id))).*
		 FROM syncline.mapping m, syncline.connection c, generate_series(1, 5) i`,
	} {
		if _, err := r.store.Pool().Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	e, err := engine.New(engine.Config{Store: r.store, Open: r.openDatabase, Handlers: map[string]engine.Handler{
		engine.KindRead: idle, engine.KindWrite: idle, engine.KindTend: idle,
	}})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Round(b.Context()); err != nil { // makes the turns
		b.Fatal(err)
	}
	for b.Loop() {
		if err := e.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
