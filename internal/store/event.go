package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Event is one line of the log that people read: something that happened to a
// connection or mapping.
type Event struct {
	// ID and At are set by the store. Who has read up to an id misses nothing:
	// no event appears later with a lower one.
	ID int64
	At time.Time
	// Connection and Mapping are uuid.Nil where the event is of neither.
	Connection, Mapping uuid.UUID
	// Level is debug, info, warn or error.
	Level string
	// Event is what happened in words that never change, for searching.
	Event string
	// State is the connection's or mapping's state at the time.
	State string
	// Fields are the particulars.
	Fields map[string]any
}

// EventFilter chooses events; a zero field chooses all.
type EventFilter struct {
	Connection uuid.UUID
	Mapping    uuid.UUID
	Levels     []string
	// Search is looked for in event, state and fields, in any case.
	Search string
}

type eventRow struct {
	ID         int64          `db:"id"`
	At         time.Time      `db:"at"`
	Connection *uuid.UUID     `db:"connection"`
	Mapping    *uuid.UUID     `db:"mapping"`
	Level      string         `db:"level"`
	Event      string         `db:"event"`
	State      string         `db:"state"`
	Fields     map[string]any `db:"fields"`
}

// eventLock makes events commit in the order of their ids.
const eventLock = 0x6576656e74 // "event"

// AddEvents writes events and commits. Those of a connection that is gone are
// left out.
func (s *Store) AddEvents(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	a, err := arrangeEvents(events)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(eventLock)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO syncline.event (connection, mapping, level, event, state, fields)
			SELECT e.connection, e.mapping, e.level, e.event, e.state, e.fields
			FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY
				AS e (connection, mapping, level, event, state, fields, place)
			LEFT JOIN syncline.connection c ON c.id = e.connection
			WHERE e.connection IS NULL OR c.id IS NOT NULL ORDER BY e.place`,
			a.connections, a.mappings, a.levels, a.events, a.states, a.fields)
		return err
	})
	return explain("write events", err)
}

type eventArrays struct {
	connections, mappings  []*uuid.UUID
	levels, events, states []string
	fields                 []json.RawMessage
}

func arrangeEvents(events []Event) (eventArrays, error) {
	var a eventArrays
	for _, e := range events {
		if e.Fields == nil {
			e.Fields = map[string]any{}
		}
		fields, err := json.Marshal(e.Fields)
		if err != nil {
			return a, fmt.Errorf("write events: fields of %q: %w", e.Event, err)
		}
		a.connections, a.mappings = append(a.connections, orNull(e.Connection)), append(a.mappings, orNull(e.Mapping))
		a.levels, a.events, a.states = append(a.levels, e.Level), append(a.events, clean(e.Event)), append(a.states, e.State)
		a.fields = append(a.fields, cleanJSON(fields))
	}
	return a, nil
}

const eventSelect = `SELECT id, at, connection, mapping, level, event, state, fields FROM syncline.event
	WHERE ($1::uuid IS NULL OR connection = $1) AND ($2::uuid IS NULL OR mapping = $2)
	AND (cardinality($3::text[]) = 0 OR level = ANY($3)) AND ($4 = '' OR strpos(lower(event || ' ' || state || ' ' || fields::text), lower($4)) > 0) `

// Events returns events after the given id, oldest first, at most limit: to
// follow the log, ask again with the last id.
func (q *Queries) Events(ctx context.Context, f EventFilter, after int64, limit int) ([]Event, error) {
	return q.events(ctx, f, `AND id > $5 ORDER BY id LIMIT $6`, after, limit)
}

// EventsBefore returns events before the given id (0 for the newest), newest
// first, at most limit.
func (q *Queries) EventsBefore(ctx context.Context, f EventFilter, before int64, limit int) ([]Event, error) {
	return q.events(ctx, f, `AND ($5 = 0 OR id < $5) ORDER BY id DESC LIMIT $6`, before, limit)
}

func (q *Queries) events(ctx context.Context, f EventFilter, rest string, id int64, limit int) ([]Event, error) {
	rows, _ := q.db.Query(ctx, eventSelect+rest, orNull(f.Connection), orNull(f.Mapping), nonNil(f.Levels), clean(f.Search), id, limit)
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Event, error) {
		r, err := pgx.RowToStructByName[eventRow](row)
		return Event{
			ID: r.ID, At: r.At, Connection: orZero(r.Connection), Mapping: orZero(r.Mapping),
			Level: r.Level, Event: r.Event, State: r.State, Fields: r.Fields,
		}, err
	})
	return events, explain("read events", err)
}
