package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
)

// configFile is a configuration file as Heroku Connect exports it.
//
//go:embed config.json
var configFile string

// schemaName is where the mapped tables are.
const schemaName = "salesforce"

// appName is how clients find the demo's connection.
const appName = "demo"

// Options of a demo. The zero value of each is a sensible default but for
// Start, which is required.
type Options struct {
	// Rows is the number of accounts; the other objects follow from it.
	Rows int
	// Seed decides the data and the edits.
	Seed uint64
	// JSON prints one line of JSON in place of words.
	JSON bool
	// DatabaseURL is a database of the user's own, in place of a private one.
	// Its schema stays behind unless Clean.
	DatabaseURL string
	// ControlURL is where the control store lives; by default with the data.
	ControlURL string
	Clean      bool
	// Listen, OrgListen and PubSubListen are addresses of the server, the org
	// and its Pub/Sub API; "" is a free port of this machine.
	Listen, OrgListen, PubSubListen string
	// Start starts a Syncline server.
	Start func(ctx context.Context, o ServerOptions) (*Server, error)
	// Out is for results, Progress for people.
	Out, Progress io.Writer
}

// ServerOptions is what the demo asks of the server that it runs.
type ServerOptions struct {
	ControlURL string
	Listen     string
}

// Server is a running Syncline server.
type Server struct {
	URL   string
	Token string // of an admin
	Stop  func(ctx context.Context) error
}

// world is everything that a demo runs.
type world struct {
	opt      Options
	say      *status
	postgres *pgserver.Server // nil with a database of the user's own
	org      *sandbox.Server
	server   *Server
	api      *client.Client

	database, control string // URLs
	closing           []func(ctx context.Context)
}

const stopWithin = 15 * time.Second

// open starts everything and waits until the load is done. The caller closes
// the world also when open fails.
func open(ctx context.Context, opt Options) (*world, error) {
	if opt.Rows == 0 {
		opt.Rows = 10_000
	}
	if opt.Rows < 2*editsPerSide {
		return &world{}, fmt.Errorf("--rows is %d: the demo needs at least %d accounts", opt.Rows, 2*editsPerSide)
	}
	w := &world{opt: opt, say: newStatus(opt.Progress)}
	for _, step := range []struct {
		name string
		run  func(ctx context.Context) error
	}{
		{"prepare PostgreSQL", w.startPostgres},
		{"start the sandbox org", w.startOrg},
		{"start Syncline", w.startServer},
		{"connect", w.connect},
		{"load", w.load},
	} {
		if err := step.run(ctx); err != nil {
			return w, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return w, nil
}

func (w *world) onClose(fn func(ctx context.Context)) { w.closing = append(w.closing, fn) }

// close ends everything, last things first.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for i := len(w.closing) - 1; i >= 0; i-- {
		w.closing[i](ctx)
	}
	if w.say != nil {
		w.say.end()
	}
}

// startPostgres gives the demo its two databases: one for the application, one
// for the control store.
func (w *world) startPostgres(ctx context.Context) error {
	w.database, w.control = w.opt.DatabaseURL, w.opt.ControlURL
	if w.database != "" {
		if w.control == "" {
			w.control = w.database
		}
		return w.refuseLeftovers(ctx)
	}
	w.say.line("PostgreSQL is starting …")
	pg, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	w.postgres = pg
	w.onClose(func(ctx context.Context) { w.warn(pg.Stop(ctx)) })
	if err := pg.CreateDatabase(ctx, "app", "hstore"); err != nil {
		return err
	}
	w.database = pg.DSN("app")
	if w.control == "" {
		if err := pg.CreateDatabase(ctx, "syncline"); err != nil {
			return err
		}
		w.control = pg.DSN("syncline")
	}
	return nil
}

// refuseLeftovers keeps a demo from running into the tables of another one: a
// new sandbox org has other Ids.
func (w *world) refuseLeftovers(ctx context.Context) error {
	db, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return fmt.Errorf("--database-url: %s", target.Words(err))
	}
	defer func() { _ = db.Close(ctx) }()
	var there bool
	if err := db.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", schemaName).Scan(&there); err != nil {
		return err
	}
	if there {
		return fmt.Errorf("the database has a schema %q already, which may hold data of yours; "+
			"use another database, or drop the schemas that an earlier demo left: DROP SCHEMA %s, _syncline, syncline CASCADE",
			schemaName, schemaName)
	}
	w.onClose(func(ctx context.Context) {
		if w.opt.Clean {
			w.warn(w.clean(ctx))
		}
	})
	return nil
}

// clean drops what the demo made in a database of the user's own.
func (w *world) clean(ctx context.Context) error {
	for _, url := range []string{w.database, w.control} {
		db, err := pgx.Connect(ctx, url)
		if err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
		schemas := schemaName + ", _syncline"
		if url == w.control {
			schemas += ", syncline"
		}
		_, err = db.Exec(ctx, "DROP SCHEMA IF EXISTS "+schemas+" CASCADE")
		_ = db.Close(ctx)
		if err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
	}
	return nil
}

func (w *world) startOrg(ctx context.Context) error {
	org, err := sandbox.Start(ctx, sandbox.Options{Addr: w.opt.OrgListen, PubSubAddr: w.opt.PubSubListen, Seed: w.opt.Seed, Name: "Syncline Demo"})
	if err != nil {
		return err
	}
	w.org = org
	w.onClose(func(context.Context) { w.warn(org.Close()) })
	return w.seed(ctx)
}

func (w *world) startServer(ctx context.Context) error {
	w.say.line("Syncline is starting …")
	server, err := w.opt.Start(ctx, ServerOptions{ControlURL: w.control, Listen: w.opt.Listen})
	if err != nil {
		return err
	}
	w.server = server
	w.onClose(func(ctx context.Context) { w.warn(server.Stop(ctx)) })
	w.api = client.New(server.URL, server.Token)
	return nil
}

// connect makes the connection and imports the configuration file.
func (w *world) connect(ctx context.Context) error {
	product := w.org.Clients[0]
	_, err := w.api.CreateConnection(ctx, client.NewConnection{
		Name: appName, AppName: appName, ResourceName: appName,
		DatabaseURL: w.database, Schema: schemaName,
		LoginURL: w.org.URL(), ClientID: product.ID, ClientSecret: product.Secret,
	})
	if err != nil {
		return err
	}
	_, err = w.api.ImportConfig(ctx, appName, strings.NewReader(configFile), false)
	return err
}

// load waits until every mapping is loaded.
func (w *world) load(ctx context.Context) error {
	start := time.Now()
	for {
		st, err := w.api.Status(ctx, appName)
		if err != nil {
			return err
		}
		var loaded, total int64
		var rate, left float64
		waiting := 0
		for _, m := range st.Mappings {
			if m.Mapping.Stage != "synced" {
				waiting++
			}
			loaded, total = loaded+m.LoadedRows, total+m.LoadTotal
			if m.Load != nil {
				rate, left = rate+m.Load.RowsPerSecond, max(left, m.Load.SecondsLeft)
			}
			if m.Mapping.Condition != "" {
				return fmt.Errorf("%s: %s", m.Mapping.ObjectName, m.Mapping.Cause)
			}
		}
		if st.Connection.Condition != "" {
			return errors.New(st.Connection.Cause)
		}
		if waiting == 0 {
			w.say.line("Loaded %d rows in %.1f s.", loaded, time.Since(start).Seconds())
			return nil
		}
		w.say.replace("Loading: %d of %d rows, %.0f rows/s, %.0f s left, %d of %d mappings to go",
			loaded, max(total, loaded), rate, left, waiting, len(st.Mappings))
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func (w *world) warn(err error) {
	if err != nil {
		w.say.line("Warning: %v", err)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func printJSON(out io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(b))
	return err
}
