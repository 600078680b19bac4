package manage

import (
	"context"
	"errors"
	"strings"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/writer"
)

// PreviewWrites says what would be sent to Salesforce now, in how many calls,
// and what waits for what. Nothing is changed and nothing sent.
func (s *Service) PreviewWrites(ctx context.Context, c Caller, ref string) (writer.Preview, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return writer.Preview{}, err
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil || len(mappings) == 0 {
		return writer.Preview{}, problem("list mappings", err)
	}
	session, done, err := s.session(ctx, conn)
	if err != nil {
		return writer.Preview{}, err
	}
	defer done()
	ctx = salesforce.WithUse(ctx, "", "preview")
	byName := map[string]*mapping.Table{}
	var held []string
	for _, m := range mappings {
		t, err := session.Table(ctx, m)
		_, faulty := errors.AsType[mapping.ConfigErrors](err)
		switch {
		case faulty:
			held = append(held, strings.ToLower(m.ObjectName))
			continue
		case err != nil:
			return writer.Preview{}, problem("read describes", err)
		}
		byName[t.Name] = t
		if m.WritesPaused(&conn) {
			held = append(held, t.Name)
		}
	}
	w := writer.New(writer.Config{Connection: conn, Schema: conn.Schema, DB: session.DB, Tables: byName})
	w.Hold(held...)
	out, err := w.Preview(ctx)
	return out, problem("preview writes", err)
}
