package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/verify"
)

// VerifyOptions choose what is verified and how much is told.
type VerifyOptions struct {
	// Objects are the mappings by object name; none means all that are loaded.
	Objects []string
	// Samples bounds the differences listed per mapping; 20 if 0.
	Samples int
	// Quick compares days and, row by row, those that differ.
	Quick bool
	// Progress, if set, hears of records compared so far.
	Progress func(verify.Progress)
}

// Verify compares both sides, by reading them itself, and returns when that is
// done. [Service.StartVerify] does not wait.
func (s *Service) Verify(ctx context.Context, c Caller, ref string, o VerifyOptions) (*verify.Report, error) {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return nil, err
	}
	chosen, err := s.verifiable(ctx, conn, o.Objects)
	if err != nil {
		return nil, err
	}
	return s.verify(ctx, c, conn, chosen, o)
}

func (s *Service) verify(ctx context.Context, c Caller, conn mapping.Connection, chosen []mapping.Mapping, o VerifyOptions) (*verify.Report, error) {
	session, done, err := s.session(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer done()
	tables, err := resolve(ctx, session, chosen)
	if err != nil {
		return nil, err
	}
	options := verify.Options{SampleLimit: o.Samples}
	if o.Quick {
		options.Proof = verify.Quick
	}
	report, err := verify.Run(salesforce.WithUse(ctx, "", "verify"), verify.Config{
		Connection: conn, DB: session.DB, Org: session.Org, Bulk: bulk.New(session.Org), Logger: s.log, Progress: o.Progress,
	}, tables, options)
	if err != nil {
		return nil, problem("verify", err)
	}
	err = session.DB.Plain(ctx, target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		for _, p := range report.Places {
			if err := verify.Note(ctx, tx, conn.ID, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, problem("keep what was found", err)
	}
	s.noteVerified(ctx, c, conn, report)
	return report, nil
}

// verifiable are the mappings to verify: those named, or all that are loaded.
func (s *Service) verifiable(ctx context.Context, conn mapping.Connection, objects []string) ([]mapping.Mapping, error) {
	if len(objects) == 0 {
		all, err := s.store.Mappings(ctx, conn.ID)
		if err != nil {
			return nil, fmt.Errorf("list mappings: %w", err)
		}
		var loaded []mapping.Mapping
		for _, m := range all {
			if m.Status.Stage == mapping.StageSynced {
				loaded = append(loaded, m)
			}
		}
		if len(loaded) == 0 {
			return nil, &Problem{Kind: Conflict, What: "No mapping is loaded yet: there is nothing to compare.", Fix: "Wait for the loads: syncline status"}
		}
		return loaded, nil
	}
	var out []mapping.Mapping
	for _, object := range objects {
		m, err := s.mappingOf(ctx, conn, object)
		if err != nil {
			return nil, err
		}
		if m.Status.Stage != mapping.StageSynced {
			return nil, &Problem{Kind: Conflict, What: m.ObjectName + " is still being loaded.", Fix: "Wait for the load: syncline status"}
		}
		out = append(out, m)
	}
	return out, nil
}

// resolve joins mappings with their describes; all that is wrong is told.
func resolve(ctx context.Context, session *engine.Session, mappings []mapping.Mapping) ([]*mapping.Table, error) {
	var tables []*mapping.Table
	var faults mapping.ConfigErrors
	for _, m := range mappings {
		t, err := session.Table(ctx, m)
		if found, ok := errors.AsType[mapping.ConfigErrors](err); ok {
			faults = append(faults, found...)
			continue
		}
		if err != nil {
			return nil, problem("read describes", err)
		}
		tables = append(tables, t)
	}
	if len(faults) > 0 {
		return nil, problem("read describes", faults)
	}
	return tables, nil
}

// noteVerified keeps the outcome: a line of the log, and the rows counted.
func (s *Service) noteVerified(ctx context.Context, c Caller, conn mapping.Connection, r *verify.Report) {
	level := "info"
	if !r.Equal() {
		level = "error"
	}
	s.event(ctx, store.Event{
		Connection: conn.ID, Level: level, Event: "VERIFY " + conn.ResourceName,
		Fields: map[string]any{"differences": r.Differences(), "duplicates": r.Duplicates(), "calls": r.Calls, "by": c.Name},
	})
	for i := range r.Mappings {
		m := &r.Mappings[i]
		if err := s.store.SetCounts(ctx, m.Mapping, store.Counts{RowsSF: &m.RowsSalesforce, RowsDB: &m.RowsPostgres}); err != nil {
			s.log.WarnContext(ctx, "counts not stored", "mapping", m.Object, "error", err)
		}
	}
}
