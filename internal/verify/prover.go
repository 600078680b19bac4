package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// The longest times between two proofs, unless a mapping says otherwise, and
// how soon after its load it is proved first.
const (
	FullEvery  = 24 * time.Hour
	QuickEvery = time.Hour
	firstProof = 10 * time.Minute
	// staleProof is the age at which a proof under way is begun anew.
	staleProof = 24 * time.Hour
)

// Prover proves the mappings of a connection in the background: one after the
// other, a slice at a time. Where a slice ends is kept in the target, so that
// any node goes on from there.
type Prover struct {
	Config Config
	// Options of the proofs; Confirm is a minute if 0, and they are patient.
	Options Options
	// First is how soon after its load a mapping is proved; 10 min if 0.
	First time.Duration
}

// Slice is what a slice of the work has done.
type Slice struct {
	// Proved is the proof that was ended by it, nil if none was.
	Proved *Place
	// Repairing are differences that are read again, since Salesforce's word
	// counts for them.
	Repairing int
	// Next is when there is something to do again; zero if never.
	Next time.Time
}

// due is a proof that is to be done, or under way.
type due struct {
	table *mapping.Table
	proof Proof
	at    time.Time
	begun bool
	// loaded is when the table was last filled.
	loaded time.Time
}

// Do goes on with the proof that is due, if one is, as long as more says so.
// None is begun unless mayBegin. What it writes, it writes under the fence.
func (p *Prover) Do(ctx context.Context, fence target.Fence, tables []*mapping.Table, mayBegin bool, more func() bool) (Slice, error) {
	list, err := p.dues(ctx, tables)
	if err != nil {
		return Slice{}, err
	}
	next, ok := first(list, mayBegin)
	if !ok {
		return Slice{}, nil
	}
	if next.at.After(time.Now()) {
		return Slice{Next: next.at}, nil
	}
	o := p.Options
	o.Proof, o.Patient = next.proof, true
	if o.Confirm <= 0 {
		o.Confirm = time.Minute
	}
	place, err := p.place(ctx, next, o)
	if err != nil {
		return Slice{}, err
	}
	worked := Go(ctx, p.Config, next.table, o, place, more)
	if ctx.Err() != nil {
		return Slice{}, context.Cause(ctx)
	}
	out := Slice{Next: time.Now()}
	if err := p.keep(ctx, fence, next.table, place, &out); err != nil {
		return Slice{}, errors.Join(worked, err)
	}
	if worked != nil {
		return out, fmt.Errorf("prove %s: %w", next.table.Object, worked)
	}
	return out, nil
}

// first is what is due first: of those that are due, one that is under way.
func first(list []due, mayBegin bool) (best due, ok bool) {
	now := time.Now()
	for _, d := range list {
		if !d.begun && !mayBegin {
			continue
		}
		under := d.begun && !d.at.After(now)
		switch {
		case !ok, under && !best.begun, d.at.Before(best.at) && (under || !best.begun || best.at.After(now)):
			best, ok = d, true
		}
	}
	return best, ok
}

// dues lists when each proof is due.
func (p *Prover) dues(ctx context.Context, tables []*mapping.Table) ([]due, error) {
	loaded, err := p.loads(ctx)
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	kept, err := p.standing(ctx)
	if err != nil {
		return nil, fmt.Errorf("read proofs: %w", err)
	}
	wait := p.First
	if wait == 0 {
		wait = firstProof
	}
	var out []due
	for _, t := range tables {
		at, known := loaded[t.Mapping.ID]
		if !known {
			continue
		}
		full, quick := kept[key{t.Mapping.ID, Full}], kept[key{t.Mapping.ID, Quick}]
		if every := interval(t.Mapping.Options.ProofSeconds, FullEvery); every > 0 {
			out = append(out, full.due(due{table: t, proof: Full, at: at.Add(wait), loaded: at}, full.began, every))
		}
		if every := interval(t.Mapping.Options.QuickProofSeconds, QuickEvery); every > 0 {
			last := quick.began
			if full.began.After(last) {
				last = full.began
			}
			out = append(out, quick.due(due{table: t, proof: Quick, at: at.Add(max(wait, every)), loaded: at}, last, every))
		}
	}
	return out, nil
}

func interval(seconds int, otherwise time.Duration) time.Duration {
	if seconds == 0 {
		return otherwise
	}
	return time.Duration(seconds) * time.Second
}

type key struct {
	mapping uuid.UUID
	proof   Proof
}

// standing is what is kept of a proof: when the last one began, and when the
// one under way goes on.
type standing struct {
	began time.Time
	under bool
	goOn  time.Time
}

// due says when a proof is due of which none was done yet, if none was.
func (s standing) due(d due, last time.Time, every time.Duration) due {
	switch {
	case s.under:
		d.at, d.begun = s.goOn, true
	case !last.IsZero():
		d.at = last.Add(every)
	}
	return d
}

func (p *Prover) loads(ctx context.Context) (map[uuid.UUID]time.Time, error) {
	rows, err := p.Config.DB.Pool().Query(ctx, `SELECT mapping, coalesce(loaded_at, updated_at) FROM _syncline.mark
		WHERE connection_id = $1 AND phase = 'poll'`, p.Config.Connection.ID)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		out[id] = at
		return nil
	})
	return out, err
}

func (p *Prover) standing(ctx context.Context) (map[key]standing, error) {
	rows, err := p.Config.DB.Pool().Query(ctx, `SELECT mapping, proof, began_at, place IS NOT NULL, (place->>'due')::timestamptz
		FROM _syncline.proof WHERE connection_id = $1`, p.Config.Connection.ID)
	if err != nil {
		return nil, err
	}
	out := map[key]standing{}
	var (
		k           key
		began, goOn *time.Time
		under       bool
	)
	_, err = pgx.ForEachRow(rows, []any{&k.mapping, &k.proof, &began, &under, &goOn}, func() error {
		s := standing{under: under}
		if began != nil {
			s.began = *began
		}
		if goOn != nil {
			s.goOn = *goOn
		}
		out[k] = s
		return nil
	})
	return out, err
}

// place is that of the proof under way, or of a new one if that does not fit
// the mapping or its table any more, or has grown old.
func (p *Prover) place(ctx context.Context, d due, o Options) (*Place, error) {
	if d.begun {
		var text, seen []byte
		err := p.Config.DB.Pool().QueryRow(ctx, `SELECT place, seen FROM _syncline.proof
			WHERE connection_id = $1 AND mapping = $2 AND proof = $3 AND place IS NOT NULL`,
			p.Config.Connection.ID, d.table.Mapping.ID, string(d.proof)).Scan(&text, &seen)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return nil, fmt.Errorf("read the place of a proof: %w", err)
		}
		if err == nil {
			place, err := DecodePlace(text, seen)
			if err == nil && place.Revision == d.table.Mapping.Revision && place.Began.After(d.loaded) && time.Since(place.Began) < staleProof {
				return place, nil
			}
		}
	}
	return Begin(ctx, p.Config, d.table, o)
}

// keep stores the place, or what a proof that is over has found. What is
// Salesforce's by policy is repaired from there.
func (p *Prover) keep(ctx context.Context, fence target.Fence, t *mapping.Table, place *Place, out *Slice) error {
	_, err := p.Config.DB.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		if !place.Over() {
			return save(ctx, tx, p.Config.Connection.ID, place)
		}
		if err := Note(ctx, tx, p.Config.Connection.ID, place); err != nil {
			return err
		}
		out.Proved, out.Repairing = place, 0
		ids := repairable(t, place.Drift)
		if len(ids) == 0 {
			return nil
		}
		r, err := Repair(ctx, tx, p.Config.Connection, t, Salesforce, ids)
		out.Repairing = r.Asked
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the place of a proof: %w", err)
	}
	return nil
}

// repairable are differences in which Salesforce is right whatever the row
// says, and that no other way settles.
func repairable(t *mapping.Table, list []Drift) []string {
	var out []string
	for _, d := range list {
		if d.Sfid != "" && (d.Cause == Unknown || d.Cause == Formula) && salesforceCounts(t, d) {
			out = append(out, d.Sfid)
		}
	}
	return out
}

// salesforceCounts says whether a difference is Salesforce's to settle: by the
// policy of every column that differs, or by the mapping's if the row or the
// record is not there.
func salesforceCounts(t *mapping.Table, d Drift) bool {
	if t.Access != mapping.ReadWrite {
		return true
	}
	if d.Kind != Different || len(d.Columns) == 0 {
		return t.Mapping.Policy == mapping.SalesforceWins
	}
	return !slices.ContainsFunc(d.Columns, func(name string) bool {
		c := t.Column(name)
		return c == nil || t.Mapping.PolicyOf(c.Path()) != mapping.SalesforceWins
	})
}

func save(ctx context.Context, tx pgx.Tx, connection uuid.UUID, p *Place) error {
	text, seen, err := p.Encode()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO _syncline.proof (connection_id, mapping, proof, place, seen) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (connection_id, mapping, proof) DO UPDATE SET place = excluded.place, seen = excluded.seen`,
		connection, p.Report.Mapping, string(p.Proof), string(text), seen)
	return err
}
