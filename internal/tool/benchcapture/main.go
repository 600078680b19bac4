// Command benchcapture measures what capture costs an application: the same work on
// an Account of 50 mapped columns without triggers, with functions like Heroku
// Connect's, and with ours, in one run and with durability on. It prints each
// as a multiple of the plain table.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

//go:embed heroku.sql
var herokuSQL string

var variants = []string{"plain", "heroku", "syncline"}

func main() {
	b := &bench{}
	flag.IntVar(&b.rows, "rows", 20_000, "rows of a bulk statement")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds; the median of each counts")
	flag.DurationVar(&b.slice, "slice", 3*time.Second, "time of each single-row run")
	flag.StringVar(&b.dsn, "url", "", "an empty database with hstore, instead of a server of its own; it is only prepared")
	skip := flag.Bool("without-heroku", false, "leave the Heroku-like functions out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *skip {
		variants = []string{"plain", "syncline"}
	}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-capture:", err)
		os.Exit(1)
	}
}

type bench struct {
	rows, rounds int
	slice        time.Duration
	dsn          string
}

func (b *bench) run(ctx context.Context) error {
	if b.dsn != "" {
		return b.prepare(ctx)
	}
	server, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop(context.WithoutCancel(ctx)) }()
	if err := server.CreateDatabase(ctx, "bench", "hstore"); err != nil {
		return err
	}
	b.dsn = server.DSN("bench")
	if err := b.prepare(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	stop, err := b.listen(ctx)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer stop()
	if err := b.bulk(ctx); err != nil {
		return fmt.Errorf("bulk: %w", err)
	}
	for _, clients := range []int{1, 4, 8} {
		if err := b.single(ctx, clients); err != nil {
			return fmt.Errorf("single rows: %w", err)
		}
	}
	return nil
}

// listen has somebody hear each log, as there is in real life: Syncline's own
// way for ours, a plain LISTEN for the other.
func (b *bench) listen(ctx context.Context) (stop func(), err error) {
	db, err := target.Open(ctx, target.Config{URL: b.dsn})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error {
		s := target.Source{Channel: schema.Channel("syncline"), Lock: schema.WatchLock("syncline"), Sequence: schema.LogSequence("syncline")}
		return db.Watch(ctx, s, func() {}, nil)
	})
	g.Go(func() error { return db.Listen(ctx, schema.Channel("heroku"), func(string) {}, nil) })
	return func() {
		cancel()
		_ = g.Wait() // they end without an error
		db.Close()
	}, nil
}

// prepare makes one schema per variant; heroku's WHEN clause gets a function
// of its own, since both of them share public.get_xmlbinary.
func (b *bench) prepare(ctx context.Context) error {
	db, err := target.Open(ctx, target.Config{URL: b.dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	conn := mapping.Connection{ID: uuid.New(), Schema: "syncline"}
	if _, err := schema.Apply(ctx, db, conn, []*mapping.Table{account()}); err != nil {
		return err
	}
	_, err = db.Pool().Exec(ctx, `
		CREATE SCHEMA plain; CREATE SCHEMA heroku;
		CREATE TABLE plain.account (LIKE syncline.account INCLUDING ALL);
		CREATE TABLE heroku.account (LIKE syncline.account INCLUDING ALL);
		CREATE TABLE heroku._trigger_log (LIKE syncline._trigger_log INCLUDING ALL);
		CREATE SEQUENCE heroku._trigger_log_id_seq;`+
		strings.ReplaceAll(herokuSQL, "get_xmlbinary", "heroku_xmlbinary"))
	return err
}

// bulk times one INSERT and one UPDATE of many rows.
func (b *bench) bulk(ctx context.Context) error {
	times := map[string][]time.Duration{}
	note := func(key string, d time.Duration) { times[key] = append(times[key], d) }
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for range b.rounds {
		for _, v := range variants {
			if err := b.fresh(ctx, conn, v); err != nil {
				return err
			}
			start := time.Now()
			if _, err := conn.Exec(ctx, insert(v), b.rows); err != nil {
				return err
			}
			note("insert "+v, time.Since(start))
			start = time.Now()
			if _, err := conn.Exec(ctx, fmt.Sprintf("UPDATE %s.account SET name = name || 'x', annualrevenue = annualrevenue + 1", v)); err != nil {
				return err
			}
			note("update "+v, time.Since(start))
		}
	}
	for _, what := range []string{"insert", "update"} {
		fmt.Printf("bulk %s of %d rows:", what, b.rows)
		for _, v := range variants {
			d := median(times[what+" "+v])
			fmt.Printf("  %s %v (%.2f x)", v, d.Round(time.Millisecond), float64(d)/float64(median(times[what+" plain"])))
		}
		fmt.Println()
	}
	return nil
}

func (b *bench) fresh(ctx context.Context, conn *pgx.Conn, v string) error {
	sql := fmt.Sprintf("SET syncline.truncate = 'warn'; SET client_min_messages = error; TRUNCATE %[1]s.account RESTART IDENTITY;", v)
	if v != "plain" {
		sql += fmt.Sprintf("TRUNCATE %s._trigger_log;", v)
	}
	_, err := conn.Exec(ctx, sql+"CHECKPOINT")
	return err
}

// single counts updates of one row per transaction, by several clients.
func (b *bench) single(ctx context.Context, clients int) error {
	rates := map[string][]float64{}
	for range b.rounds {
		for _, v := range variants {
			n, err := b.updates(ctx, v, clients)
			if err != nil {
				return err
			}
			rates[v] = append(rates[v], float64(n)/b.slice.Seconds())
		}
	}
	fmt.Printf("single-row updates, %d clients:", clients)
	for _, v := range variants {
		fmt.Printf("  %s %.0f/s (%.2f x)", v, median(rates[v]), median(rates[v])/median(rates["plain"]))
	}
	fmt.Println()
	return nil
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func (b *bench) updates(ctx context.Context, v string, clients int) (int, error) {
	counts := make([]int, clients)
	deadline := time.Now().Add(b.slice)
	g, ctx := errgroup.WithContext(ctx)
	for i := range clients {
		g.Go(func() error {
			conn, err := pgx.Connect(ctx, b.dsn)
			if err != nil {
				return err
			}
			defer conn.Close(ctx)
			sql := fmt.Sprintf("UPDATE %s.account SET annualrevenue = $1 WHERE id = $2", v)
			for time.Now().Before(deadline) {
				row := 1 + (counts[i]*clients+i)%b.rows
				if _, err := conn.Exec(ctx, sql, float64(counts[i]), row); err != nil {
					return err
				}
				counts[i]++
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, nil
}
