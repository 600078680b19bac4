package manage

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/verify"
)

// DriftFilter chooses differences.
type DriftFilter struct {
	// Object is a mapping's object name, "" for all of the connection.
	Object string
	// Settled ones too.
	Settled bool
	// Before is the id below which they are wanted, 0 for the newest.
	Before int64
	Limit  int
}

// Drift is the drift log, and how the last proofs ended.
type Drift struct {
	Proofs      []verify.Outcome
	Differences []verify.Drift
	// Objects are the mappings' object names.
	Objects map[uuid.UUID]string
}

// Drift lists differences that proofs have found, the newest first.
func (s *Service) Drift(ctx context.Context, c Caller, ref string, f DriftFilter) (*Drift, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	out := &Drift{Objects: map[uuid.UUID]string{}}
	all, err := s.store.Mappings(ctx, conn.ID)
	if err != nil {
		return nil, problem("list mappings", err)
	}
	for _, m := range all {
		out.Objects[m.ID] = m.ObjectName
	}
	filter := verify.DriftFilter{Settled: f.Settled, Before: f.Before, Limit: page(f.Limit)}
	if f.Object != "" {
		m, err := s.mappingOf(ctx, conn, f.Object)
		if err != nil {
			return nil, err
		}
		filter.Mapping = m.ID
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return nil, problem("open the database", err)
	}
	if out.Proofs, err = verify.Outcomes(ctx, db.Pool(), conn.ID); err != nil {
		return nil, problem("read proofs", err)
	}
	if out.Differences, err = verify.Log(ctx, db.Pool(), conn.ID, filter); err != nil {
		return nil, problem("read the drift log", err)
	}
	return out, nil
}

// newestProofs are those of a connection's mappings.
func newestProofs(ctx context.Context, db *target.DB, connection uuid.UUID) (map[uuid.UUID]verify.Outcome, error) {
	all, err := verify.Outcomes(ctx, db.Pool(), connection)
	out := map[uuid.UUID]verify.Outcome{}
	for _, o := range all {
		if o.Began.After(out[o.Mapping].Began) {
			out[o.Mapping] = o
		}
	}
	return out, err
}

// Repair takes one side's word for open differences of a mapping. With side ""
// it is Salesforce's where that is the policy or the mapping is read-only;
// otherwise the caller has to say. Ids are sfids or ids of rows; none means
// all.
func (s *Service) Repair(ctx context.Context, c Caller, ref, object string, from verify.Side, ids []string) (verify.RepairReport, error) {
	none := verify.RepairReport{}
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return none, err
	}
	m, err := s.mappingOf(ctx, conn, object)
	if err != nil {
		return none, err
	}
	if from == "" {
		if m.Access != mapping.ReadOnly && m.Policy != mapping.SalesforceWins {
			return none, invalid("Both sides of "+m.ObjectName+" may be right.", "Say which one: --from salesforce or --from postgres.")
		}
		from = verify.Salesforce
	}
	session, done, err := s.session(ctx, conn)
	if err != nil {
		return none, err
	}
	defer done()
	tables, err := resolve(ctx, session, []mapping.Mapping{m})
	if err != nil {
		return none, err
	}
	var out verify.RepairReport
	err = session.DB.Plain(ctx, target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		out, err = verify.Repair(ctx, tx, conn, tables[0], from, ids)
		return err
	})
	if err != nil {
		return none, problem("repair", err)
	}
	s.event(ctx, store.Event{Connection: conn.ID, Mapping: m.ID, Event: "REPAIR FROM " + string(from),
		Fields: map[string]any{"rows": out.Asked, "skipped": len(out.Skipped), "by": c.Name}})
	if out.Asked > 0 && from == verify.Salesforce {
		if err := s.PollNow(ctx, c, conn.ID.String(), object); err != nil {
			s.log.WarnContext(ctx, "no poll after a repair", "mapping", m.ObjectName, "error", err)
		}
	}
	return out, nil
}
