package manage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// Direction is what a pause stops.
type Direction string

// The directions. Reads are polls and loads, Writes what goes to Salesforce.
const (
	BothWays Direction = ""
	Reads    Direction = "reads"
	Writes   Direction = "writes"
)

// pauses are the three pauses of a connection or a mapping.
type pauses struct{ all, reads, writes bool }

// after is how they stand after a pause or resume. A resume of both ways ends
// all of them.
func (p pauses) after(d Direction, paused bool) pauses {
	switch {
	case d == Reads:
		p.reads = paused
	case d == Writes:
		p.writes = paused
	case paused:
		p.all = true
	default:
		p = pauses{}
	}
	return p
}

// switchTo carries a pause or resume out on the three switches that a
// connection or a mapping keeps it in.
func switchTo(d Direction, paused bool, all, reads, writes *bool) (before, after pauses, err error) {
	before = pauses{*all, *reads, *writes}
	after = before.after(d, paused)
	if after == before {
		return before, after, errUnchanged
	}
	*all, *reads, *writes = after.all, after.reads, after.writes
	return before, after, nil
}

func (p pauses) trail() map[string]bool {
	return map[string]bool{"paused": p.all, "pause_reads": p.reads, "pause_writes": p.writes}
}

// SetPaused pauses or resumes a connection, or with an object's name one
// mapping of it, both ways.
func (s *Service) SetPaused(ctx context.Context, c Caller, ref, object string, paused bool) error {
	return s.SetPausedWay(ctx, c, ref, object, BothWays, paused)
}

// SetPausedWay pauses or resumes one direction or both. What is in flight ends;
// changes go on to be captured. Asking for what is already so changes nothing.
func (s *Service) SetPausedWay(ctx context.Context, c Caller, ref, object string, d Direction, paused bool) error {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return err
	}
	if d != BothWays && d != Reads && d != Writes {
		return invalid("There is no such direction.", "Use reads or writes, or none for both.", Detail{Where: "direction", What: "is neither reads nor writes"})
	}
	word := map[bool]string{true: "pause", false: "resume"}[paused]
	words := strings.TrimSpace(strings.ToUpper(word) + " " + strings.ToUpper(string(d)))
	event := store.Event{Connection: conn.ID, Event: words + " OF CONNECTION " + conn.ResourceName}
	if d == BothWays {
		event.Event = words + " CONNECTION " + conn.ResourceName
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		if object == "" {
			return pauseConnection(ctx, tx, c, conn, word, d, paused)
		}
		m, err := s.mappingOf(ctx, conn, object)
		if err != nil {
			return err
		}
		event.Mapping, event.Event = m.ID, strings.Replace(event.Event, "CONNECTION "+conn.ResourceName, "MAPPING "+m.ObjectName, 1)
		return pauseMapping(ctx, tx, c, m, word, d, paused)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return problem(word, err)
	}
	s.event(ctx, event)
	s.changed(ctx, conn.ID)
	if paused && object == "" {
		s.awaitQuiet(ctx, conn.ID, func(a engine.Activity) bool { return d.stops(a.Kind) })
	}
	return nil
}

// A pause, or a removal, goes on when nothing of what it stops runs any more, or after
// quietWithin: what is in flight may take longer, and ends by itself.
const (
	quietWithin = 5 * time.Second
	quietLook   = 20 * time.Millisecond
)

// stops are the turns that a pause ends.
func (d Direction) stops(kind string) bool {
	switch d {
	case Reads:
		return kind == engine.KindRead || kind == engine.KindLoad
	case Writes:
		return kind == engine.KindWrite
	case BothWays:
	}
	return true
}

// awaitQuiet waits until no node has such a turn of the connection in hand.
func (s *Service) awaitQuiet(ctx context.Context, connection uuid.UUID, stopped func(engine.Activity) bool) {
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	for {
		running, err := s.cfg.Engine.Activities(ctx, connection)
		if err != nil || !slices.ContainsFunc(running, stopped) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(quietLook):
		}
	}
}

// errUnchanged rolls back a change that would change nothing.
var errUnchanged = errors.New("unchanged")

func pauseConnection(ctx context.Context, tx *store.Tx, c Caller, conn mapping.Connection, word string, d Direction, paused bool) error {
	var before, after pauses
	_, err := tx.UpdateConnection(ctx, conn.ID, func(x *mapping.Connection) (err error) {
		before, after, err = switchTo(d, paused, &x.Status.Paused, &x.Options.PauseReads, &x.Options.PauseWrites)
		return err
	})
	if err != nil {
		return err
	}
	return audit(ctx, tx, c, "connection."+word, conn.ResourceName, conn.ID, before.trail(), after.trail())
}

func pauseMapping(ctx context.Context, tx *store.Tx, c Caller, m mapping.Mapping, word string, d Direction, paused bool) error {
	var before, after pauses
	_, err := tx.UpdateMapping(ctx, m.ID, func(x *mapping.Mapping) (err error) {
		before, after, err = switchTo(d, paused, &x.Status.Paused, &x.Options.PauseReads, &x.Options.PauseWrites)
		return err
	})
	if err != nil {
		return err
	}
	return audit(ctx, tx, c, "mapping."+word, m.ObjectName, m.ConnectionID, before.trail(), after.trail())
}
