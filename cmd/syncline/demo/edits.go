package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// What a round of edits holds, on each side.
const (
	editsPerSide    = 200
	sameColumn      = 20 // pairs that hit one column of one row at the same time
	otherColumn     = 20 // pairs that hit different columns of one row
	deleteUpdate    = 10 // pairs of a delete and an update of one row
	insertUpdateDel = 10 // rows that come, change and go before they are sent
	parentChild     = 5  // a parent and its child, created together
	rejected        = 5  // local changes that a validation rule refuses
)

// ruleMessage is what the demo org's validation rule says. The rule is what
// the rejected edits run into.
const (
	ruleMessage   = "The number of employees cannot be negative."
	ruleCondition = "NumberOfEmployees < 0"
)

// slot is a pair of edits, one on each side, that run at the same moment.
type slot struct {
	local, remote func(ctx context.Context) error
}

// round plans and runs the edits. Which rows they hit is decided by the seed.
type round struct {
	seed uint64
	db   *pgx.Conn
	org  *otherUser
	rnd  *rand.Rand
	rows map[string]*pool // by table

	mu      sync.Mutex
	toOrg   []probe // local edits whose arrival in the org is timed
	toTable []probe // edits in the org whose arrival in Postgres is timed
}

// probe is an edit whose way to the other side is timed.
type probe struct {
	object, table string
	sfid          string
	field, column string
	value         string
	at            time.Time // when it was committed
}

// pool hands out each row of a table once.
type pool struct {
	rows []row
	next int
}

type row struct {
	id   int32
	sfid string
}

func (p *pool) take() row {
	r := p.rows[p.next%len(p.rows)]
	p.next++
	return r
}

// plan reads the rows there are, and lays out the edits.
func (r *round) plan(ctx context.Context, schema string) ([]slot, error) {
	r.rnd = rand.New(rand.NewPCG(r.seed, 0x5ca1ab1e))
	r.rows = map[string]*pool{}
	for _, table := range []string{"account", "contact", "project__c", "opportunity"} {
		p, err := r.load(ctx, schema, table)
		if err != nil {
			return nil, err
		}
		r.rows[table] = p
	}
	var slots []slot
	for i := range sameColumn {
		slots = append(slots, r.clash(i, "phone", "Phone"))
	}
	for i := range otherColumn {
		slots = append(slots, r.clash(i, "site", "Phone"))
	}
	for i := range deleteUpdate {
		slots = append(slots, r.deleteAgainstUpdate(i))
	}
	for i := range insertUpdateDel {
		slots = append(slots, slot{r.comeAndGo(i), r.comeAndGoThere(i)})
	}
	for i := range parentChild {
		slots = append(slots, slot{r.family(i), r.familyThere(i)})
	}
	for i := range rejected {
		slots = append(slots, slot{r.refused(i), r.plainThere(i)})
	}
	for i := len(slots); i < editsPerSide; i++ {
		slots = append(slots, slot{r.plain(i), r.plainThere(i)})
	}
	r.rnd.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	return slots, nil
}

func (r *round) load(ctx context.Context, schema, table string) (*pool, error) {
	name := pgx.Identifier{schema, table}.Sanitize()
	rows, err := r.db.Query(ctx, "SELECT id, sfid FROM "+name+" WHERE sfid IS NOT NULL ORDER BY sfid COLLATE \"C\"")
	if err != nil {
		return nil, fmt.Errorf("choose rows of %s: %w", table, err)
	}
	p := &pool{}
	p.rows, err = pgx.CollectRows(rows, func(x pgx.CollectableRow) (y row, err error) {
		return y, x.Scan(&y.id, &y.sfid)
	})
	if err != nil {
		return nil, fmt.Errorf("choose rows of %s: %w", table, err)
	}
	if len(p.rows) < editsPerSide {
		return nil, fmt.Errorf("%s has %d rows; the demo needs %d (a larger --rows)", table, len(p.rows), editsPerSide)
	}
	r.rnd.Shuffle(len(p.rows), func(i, j int) { p.rows[i], p.rows[j] = p.rows[j], p.rows[i] })
	return p, nil
}

// run carries out the slots one after the other, both edits of each at once.
func (r *round) run(ctx context.Context, slots []slot) error {
	for i, s := range slots {
		var local, remote error
		var both sync.WaitGroup
		both.Go(func() { local = s.local(ctx) })
		both.Go(func() { remote = s.remote(ctx) })
		both.Wait()
		if local != nil {
			return fmt.Errorf("edit %d in Postgres: %w", i, local)
		}
		if remote != nil {
			return fmt.Errorf("edit %d in Salesforce: %w", i, remote)
		}
	}
	return nil
}

func (r *round) timeLocal(p probe) {
	p.at = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.toOrg = append(r.toOrg, p)
}

func (r *round) timeRemote(p probe) {
	p.at = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.toTable = append(r.toTable, p)
}
