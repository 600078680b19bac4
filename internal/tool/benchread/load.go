package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
)

// unmarked is the group of a load that commits only when it must.
const unmarked = 1 << 16

// childArgs is what a process that loads is told.
type childArgs struct {
	DSN        string
	Token      salesforce.Token
	Connection mapping.Connection
	Mapping    mapping.Mapping
	Fence      int64
	Pages      int
	Group      int
	// Streams, if not 0, loads by so many queries at once instead.
	Streams int
	Profile string
	// Empty and Slow are for the parent: the table is emptied before; the org
	// is far away.
	Empty, Slow bool
}

// meter counts calls.
type meter struct{ n *atomic.Int64 }

func (meter) Begin(context.Context) func() { return func() {} }
func (m meter) Charge(salesforce.Use)      { m.n.Add(1) }
func (meter) Usage(int, int)               {}

func client(token salesforce.Token, n *atomic.Int64) *salesforce.Client {
	return salesforce.New(salesforce.Config{
		Tokens: salesforce.StaticToken(token), HTTP: salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true}), Meter: meter{n},
	})
}

func resolve(ctx context.Context, org *salesforce.Client, m mapping.Mapping) (*mapping.Table, error) {
	return mapping.Resolve(m, func(name string) (*sobject.Object, error) { return org.Describe(ctx, name) })
}

// runChild loads the object once and prints what it took.
func runChild(ctx context.Context, args string) error {
	var in childArgs
	if err := json.Unmarshal([]byte(args), &in); err != nil {
		return err
	}
	db, err := target.Open(ctx, target.Config{URL: in.DSN})
	if err != nil {
		return err
	}
	defer db.Close()
	var calls atomic.Int64
	org := client(in.Token, &calls)
	table, err := resolve(ctx, org, in.Mapping)
	if err != nil {
		return err
	}
	settings := reader.Settings{BulkFrom: 1, BulkPages: in.Pages, BulkGroup: in.Group}
	if in.Streams > 0 {
		settings.BulkFrom, settings.QueryStreams = -1, in.Streams
	}
	r := reader.New(reader.Config{Connection: in.Connection, DB: db, Org: org, Bulk: bulk.New(org), Settings: settings})
	fence := target.Fence{Connection: in.Connection.ID, Kind: "load", Number: in.Fence}
	if err := db.Raise(ctx, fence); err != nil {
		return err
	}
	if err := r.Restart(ctx, fence, table); err != nil {
		return err
	}
	if in.Profile != "" {
		f, err := os.Create(in.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	calls.Store(0)
	start := time.Now()
	var rows time.Duration
	done, err := r.Load(ctx, fence, table, start.Add(time.Hour), func(p reader.Progress) {
		if p.Index != "" && rows == 0 {
			rows = time.Since(start)
		}
	})
	if err == nil && !done {
		err = errors.New("the load did not come to its end")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result{Took: time.Since(start), Calls: calls.Load(), PeakMiB: peakMiB(os.Getpid()), Rows: rows})
}

// load times a whole load in a process of its own.
func (b *bench) load(ctx context.Context, in childArgs) (result, error) {
	if in.Empty {
		if err := b.empty(ctx, "salesforce"); err != nil {
			return result{}, err
		}
	}
	b.fence++
	in.DSN, in.Connection, in.Mapping, in.Fence = b.dsn, b.connection, b.table.Mapping, b.fence
	if in.Group == 0 {
		in.Group = b.group
	}
	in.Token, in.Profile = b.token, b.profile
	if in.Slow {
		in.Token.InstanceURL = b.far.url
	}
	args, err := json.Marshal(in)
	if err != nil {
		return result{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "-child", string(args))
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return result{}, err
	}
	var r result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return result{}, err
	}
	return r, b.complete(ctx)
}

// complete makes sure that the load has done its whole work.
func (b *bench) complete(ctx context.Context) error {
	var rows, indexes, triggers int
	err := b.db.Pool().QueryRow(ctx, `SELECT (SELECT count(*) FROM salesforce.account),
		(SELECT count(*) FROM pg_index WHERE indrelid = 'salesforce.account'::regclass AND indisvalid),
		(SELECT count(*) FROM pg_trigger WHERE tgrelid = 'salesforce.account'::regclass AND NOT tgisinternal)`).Scan(&rows, &indexes, &triggers)
	if err != nil {
		return err
	}
	if rows < b.rows || indexes != b.indexes || triggers != 3 {
		return fmt.Errorf("the load left %d rows, %d indexes of %d and %d triggers of 3", rows, indexes, b.indexes, triggers)
	}
	return nil
}

// changed times a load over rows of which a tenth differ.
func (b *bench) changed(ctx context.Context) (result, error) {
	_, err := b.db.Pool().Exec(ctx, `BEGIN; SET LOCAL xmlbinary = 'hex'; UPDATE salesforce.account SET name = 'other' WHERE id % 10 = 0; COMMIT; CHECKPOINT`)
	if err != nil {
		return result{}, err
	}
	return b.load(ctx, childArgs{Pages: b.pages})
}

// beside times a load into a table that has a row of the application's.
func (b *bench) beside(ctx context.Context) (result, error) {
	if err := b.empty(ctx, "salesforce"); err != nil {
		return result{}, err
	}
	_, err := b.db.Pool().Exec(ctx, `BEGIN; SET LOCAL xmlbinary = 'hex'; INSERT INTO salesforce.account (name) VALUES ('ours'); COMMIT`)
	if err != nil {
		return result{}, err
	}
	return b.load(ctx, childArgs{Pages: b.pages})
}

// peakMiB is the greatest memory that a process has taken, 0 where the system
// does not say.
func peakMiB(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib >> 10
		}
	}
	return 0
}
