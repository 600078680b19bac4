package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/secret"
)

// ServerOptions configure a node.
type ServerOptions struct {
	// DatabaseURL is the control database.
	DatabaseURL secret.Text
	// KeyFile holds the key ring unless the environment does.
	KeyFile string
	// Listen is the address of API and dashboard, of a worker that of its health
	// and metrics; PublicURL is how people reach it.
	Listen, PublicURL string
	// Hosts are further names that requests may be for.
	Hosts []string
	// DBKeys are variables that connections may name as the source of a URL.
	DBKeys []string
	// OrgHosts are domains of orgs beside Salesforce's own.
	OrgHosts []string
	// AllowInsecureOrgs lifts every rule on the addresses of orgs.
	AllowInsecureOrgs bool
	NodeName          string
	// MaxTurns bounds the turns in hand; 0 is the engine's default.
	MaxTurns int
	// SpoolDir holds replies that the database can't take at once, of up to
	// SpoolMB MiB together.
	SpoolDir            string
	SpoolMB             int
	LogFormat, LogLevel string
}

// SandboxOptions configure a sandbox org.
type SandboxOptions struct {
	// TLSListen is the address of the org over TLS.
	Listen, TLSListen, Name, ControlToken string
	// PubSubListen and PubSubTLSListen are addresses of the Pub/Sub API.
	PubSubListen, PubSubTLSListen string
	// DataDir keeps the org's state between runs; "" forgets it.
	DataDir string
	Seed    uint64
	// Rows is how many accounts there are; other objects follow.
	Rows int
	JSON bool
}

// serverFlags puts the flags of a node on a command. The environment's values
// are the defaults; the control database's URL is never shown.
func (a *app) serverFlags(f *pflag.FlagSet, o *ServerOptions, url *string, faces bool) error {
	home := a.or("SYNCLINE_HOME", filepath.Join(a.or("HOME", "."), ".syncline"))
	turns, err := strconv.Atoi(a.or("SYNCLINE_MAX_TURNS", "0"))
	if err != nil || turns < 0 {
		return usagef("SYNCLINE_MAX_TURNS=%s: give a number", a.env.Getenv("SYNCLINE_MAX_TURNS"))
	}
	spool, err := strconv.Atoi(a.or("SYNCLINE_SPOOL_MB", "1024"))
	if err != nil || spool < 0 {
		return usagef("SYNCLINE_SPOOL_MB=%s: give a number", a.env.Getenv("SYNCLINE_SPOOL_MB"))
	}
	insecure, err := strconv.ParseBool(a.or("SYNCLINE_ALLOW_INSECURE_ORGS", "false"))
	if err != nil {
		return usagef("SYNCLINE_ALLOW_INSECURE_ORGS=%s: give true or false", a.env.Getenv("SYNCLINE_ALLOW_INSECURE_ORGS"))
	}
	f.StringVar(url, "database-url", "", "control database (SYNCLINE_DATABASE_URL)")
	f.StringVar(&o.KeyFile, "key-file", a.or("SYNCLINE_KEY_FILE", filepath.Join(home, "keys")),
		"file with the keys that seal secrets, made if absent (SYNCLINE_KEY_FILE); SYNCLINE_KEYS holds the keys themselves")
	f.StringVar(&o.NodeName, "node", a.env.Getenv("SYNCLINE_NODE"), "name of this node, for people (SYNCLINE_NODE)")
	f.IntVar(&o.MaxTurns, "max-turns", turns, "turns in hand at once, 0 for the default (SYNCLINE_MAX_TURNS)")
	f.StringSliceVar(&o.OrgHosts, "org-host", a.list("SYNCLINE_ORG_HOSTS"), "further domains of orgs beside Salesforce's (SYNCLINE_ORG_HOSTS)")
	f.BoolVar(&o.AllowInsecureOrgs, "allow-insecure-orgs", insecure,
		"allow orgs by http and on private addresses, for sandbox orgs (SYNCLINE_ALLOW_INSECURE_ORGS)")
	f.StringVar(&o.SpoolDir, "spool-dir", a.env.Getenv("SYNCLINE_SPOOL_DIR"),
		"directory for what a database can't take at once of a load, the system's for temporary files if empty (SYNCLINE_SPOOL_DIR)")
	f.IntVar(&o.SpoolMB, "spool-mb", spool, "MiB that it may take there, 0 for none (SYNCLINE_SPOOL_MB)")
	f.StringVar(&o.LogFormat, "log-format", a.or("SYNCLINE_LOG_FORMAT", "auto"), "auto, text or json (SYNCLINE_LOG_FORMAT)")
	f.StringVar(&o.LogLevel, "log-level", a.or("SYNCLINE_LOG_LEVEL", "info"), "debug, info, warn or error (SYNCLINE_LOG_LEVEL)")
	f.StringSliceVar(&o.Hosts, "host", a.list("SYNCLINE_HOSTS"), "further host names that requests may be for, * for all (SYNCLINE_HOSTS)")
	if !faces {
		f.StringVar(&o.Listen, "listen", a.or("SYNCLINE_WORKER_LISTEN", "127.0.0.1:0"),
			"address of /healthz, /readyz and /metrics; port 0 is a free one, which the log names (SYNCLINE_WORKER_LISTEN)")
		return nil
	}
	f.StringVar(&o.Listen, "listen", a.or("SYNCLINE_LISTEN", "127.0.0.1:8490"), "address of API and dashboard (SYNCLINE_LISTEN)")
	f.StringVar(&o.PublicURL, "public-url", a.env.Getenv("SYNCLINE_PUBLIC_URL"), "how people reach the server (SYNCLINE_PUBLIC_URL)")
	f.StringSliceVar(&o.DBKeys, "db-key", a.list("SYNCLINE_DB_KEYS"),
		"variables of the environment that connections may name as the source of their database URL (SYNCLINE_DB_KEYS)")
	return nil
}

func (a *app) list(key string) []string {
	var out []string
	for part := range strings.SplitSeq(a.env.Getenv(key), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// node makes the command of a node.
func (a *app) node(use, short, long, example string, faces bool, run func(context.Context, ServerOptions) error) *cobra.Command {
	var o ServerOptions
	var url string
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: checked(cobra.NoArgs)}
	wrong := a.serverFlags(cmd.Flags(), &o, &url, faces)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if wrong != nil {
			return wrong
		}
		if url == "" {
			url = a.env.Getenv("SYNCLINE_DATABASE_URL")
		}
		if url == "" {
			return usagef("there is no control database: give --database-url or set SYNCLINE_DATABASE_URL")
		}
		o.DatabaseURL = secret.NewText(url)
		return run(cmd.Context(), o)
	}
	return cmd
}

func (a *app) serve() *cobra.Command {
	return a.node("serve", "Run a server: API, dashboard, and the work itself",
		"Run a server until it gets SIGTERM or SIGINT; it stops within 10 seconds.\nAny number of servers and workers may share a control database.",
		`  SYNCLINE_DATABASE_URL=postgres://syncline:secret@db/syncline syncline serve
  syncline serve --listen 0.0.0.0:8490 --public-url https://sync.example.com`, true, a.env.Serve)
}

func (a *app) worker() *cobra.Command {
	return a.node("worker", "Run a node that takes a share of the work, without API and dashboard",
		"Run a node until it gets SIGTERM or SIGINT. It needs the keys of the servers on the\nsame control database: copy the key file, or set SYNCLINE_KEYS.",
		`  SYNCLINE_DATABASE_URL=postgres://syncline:secret@db/syncline SYNCLINE_KEYS=… syncline worker`, false, a.env.Worker)
}

func (a *app) sandbox() *cobra.Command {
	o := SandboxOptions{}
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run a sandbox org: a server that Salesforce clients take for Salesforce",
		Example: `  syncline sandbox --rows 1000
  syncline sandbox --listen 127.0.0.1:8491 --json`,
		Args: checked(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Rows < 0 {
				return usagef("--rows is %d: give 0 or more", o.Rows)
			}
			o.JSON = a.json
			return a.env.Sandbox(cmd.Context(), o, a.env.Stdout)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address of the org")
	f.StringVar(&o.TLSListen, "tls-listen", "127.0.0.1:0", "address of the org over TLS, with a certificate of its own")
	f.StringVar(&o.PubSubListen, "pubsub-listen", "127.0.0.1:0", "address of its Pub/Sub API, in plain text")
	f.StringVar(&o.PubSubTLSListen, "pubsub-tls-listen", "127.0.0.1:0", "address of its Pub/Sub API over TLS, with a certificate of its own")
	f.StringVar(&o.DataDir, "data", "", "directory that keeps the org between runs; one that holds an org is not seeded again")
	f.StringVar(&o.Name, "name", "", "name of the organisation")
	f.Uint64Var(&o.Seed, "seed", 1, "decides the data")
	f.IntVar(&o.Rows, "rows", 1000, "number of accounts; the other objects follow")
	f.StringVar(&o.ControlToken, "control-token", "", "opens the control plane from other machines")
	return cmd
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: checked(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return a.show(map[string]string{"version": a.env.Version}, func(w io.Writer) {
				_, _ = fmt.Fprintln(w, "syncline "+a.env.Version)
			})
		}}
}

func (a *app) crashPoints() *cobra.Command {
	return &cobra.Command{Use: "crash-points", Short: "List the points at which tests may end the process", Args: checked(cobra.NoArgs),
		Long: "List the points at which tests may end the process; " + crash.Env + "=<point> arms one.",
		RunE: func(*cobra.Command, []string) error {
			all := crash.Names()
			return a.show(all, func(w io.Writer) {
				for _, name := range all {
					_, _ = fmt.Fprintln(w, name)
				}
			})
		}}
}

// helpConfig is a topic of help: `syncline help config` shows the command of
// that name, whose text ends with the variables.
func (a *app) helpConfig() *cobra.Command {
	return &cobra.Command{Use: "environment", Short: "The variables that commands read", Long: environmentHelp}
}

const environmentHelp = `Every flag of a node and of the client has a variable:

Server and worker
  SYNCLINE_DATABASE_URL         control database (its schema syncline)
  SYNCLINE_KEYS                 keys that seal secrets, id:base64[,id:base64]; the first seals
  SYNCLINE_KEY_FILE             file with the keys, made at the first start (default $SYNCLINE_HOME/keys)
  SYNCLINE_HOME                 directory of that file (default ~/.syncline)
  SYNCLINE_LISTEN               address of API and dashboard (default 127.0.0.1:8490)
  SYNCLINE_PUBLIC_URL           how people reach the server
  SYNCLINE_HOSTS                further host names that requests may be for, * for all
  SYNCLINE_DB_KEYS              variables that connections may name as the source of a database URL
  SYNCLINE_ORG_HOSTS            domains of orgs beside Salesforce's own
  SYNCLINE_ALLOW_INSECURE_ORGS  true allows orgs by http and on private addresses
  SYNCLINE_NODE                 name of the node
  SYNCLINE_MAX_TURNS            turns in hand at once
  SYNCLINE_LOG_FORMAT           auto, text or json
  SYNCLINE_LOG_LEVEL            debug, info, warn or error

Client
  SYNCLINE_URL                  address of the server (default http://127.0.0.1:8490)
  SYNCLINE_TOKEN                API token
  SYNCLINE_CONNECTION           connection by ID, resource name, name or app name

For tests
  SYNCLINE_CRASH, SYNCLINE_CRASH_REPORT   see syncline crash-points
  SYNCLINE_CLOCK_SKEW                     makes the node's clock wrong, as 90s or -5m`
