package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/api"
	"github.com/synclinehq/syncline/internal/cli"
	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/engine/work"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/spool"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
	"github.com/synclinehq/syncline/internal/web"
)

const (
	// callClient marks our calls to an org, and is how echoes are known.
	callClient = "Syncline"
	// stopWithin bounds a graceful stop.
	stopWithin = 10 * time.Second
	// httpStopWithin is the part of it that open requests get.
	httpStopWithin = 2 * time.Second
	// storeConns bounds a node's connections to the control database, which its
	// turns share; one that renews a session holds one while the org answers.
	storeConns = 32
)

// server is a running node: the engine and, for `serve`, the HTTP faces.
type server struct {
	// URL is how people reach it, without a slash at the end.
	URL string

	store  *store.Store
	engine *engine.Engine
	manage *manage.Service
	http   *http.Server
	hc     *http.Client
	log    *slog.Logger
	failed chan error // the HTTP server's end
}

// startServer starts a node and returns when it answers. With faces false it
// takes turns, and answers only how it is. Messages for the person who runs it go to notes.
func startServer(ctx context.Context, o cli.ServerOptions, faces bool, log *slog.Logger, notes io.Writer) (s *server, err error) {
	ck, err := clock.FromEnv(os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("read the clock's skew: %w", err)
	}
	if err := crash.Setup(os.Getenv); err != nil {
		return nil, fmt.Errorf("set crash points: %w", err)
	}
	keys, notice, err := secret.Load(os.Getenv, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load the keys: %w", err)
	}
	if notice != "" {
		_, _ = fmt.Fprintln(notes, notice)
	}
	s = &server{log: log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = s.stop(context.WithoutCancel(ctx))
		}
	}()
	s.hc = salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: o.AllowInsecureOrgs, AllowHosts: o.OrgHosts})
	s.store, err = store.Open(ctx, store.Config{URL: o.DatabaseURL, Keys: keys, ApplicationName: "syncline control", MaxConns: storeConns, Logger: log})
	if err != nil {
		return s, fmt.Errorf("open the control store: %w", err)
	}
	if err := s.store.CheckKeys(ctx); err != nil {
		return s, err
	}
	s.rekey(ctx, keys)
	metrics := telemetry.NewMetrics()
	open := engine.NewOpener(engine.OpenerConfig{Store: s.store, HTTP: s.hc, CallClient: callClient, Metrics: metrics, Logger: log})
	s.engine, err = engine.New(engine.Config{
		Store: s.store, Open: open, NodeName: o.NodeName, Version: version(), MaxTurns: o.MaxTurns,
		Handlers: work.New(work.Config{Store: s.store, Metrics: metrics, Clock: ck, Logger: log, Spool: spoolOf(o)}).Handlers(),
		Metrics:  metrics, Clock: ck, Logger: log,
	})
	if err != nil {
		return s, fmt.Errorf("make the engine: %w", err)
	}
	s.manage = manage.New(manage.Config{
		Store: s.store, Engine: s.engine, Open: open, Keys: keys, HTTP: s.hc, DBKeys: o.DBKeys, Getenv: os.Getenv,
		CallClient: callClient, Clock: ck, Logger: log,
	})
	if err := s.engine.Start(ctx); err != nil {
		return s, fmt.Errorf("start the engine: %w", err)
	}
	return s, s.listen(ctx, o, faces, metrics)
}

// spoolOf is the share of the disk that a node's loads may take.
func spoolOf(o cli.ServerOptions) *spool.Spool {
	if o.SpoolMB == 0 {
		return nil
	}
	return spool.New(spool.Config{Dir: o.SpoolDir, Limit: int64(o.SpoolMB) << 20})
}

// rekey seals what older keys have sealed with the first one, so that they can
// be taken out. What can't be opened concerns its connection only, which says so.
func (s *server) rekey(ctx context.Context, keys *secret.KeyRing) {
	if keys.Len() < 2 {
		return
	}
	n, err := s.store.Rekey(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "not all secrets are sealed with the first key; keep the others", "error", err)
		return
	}
	s.log.InfoContext(ctx, "all secrets are sealed with the first key; the others can be taken out of all nodes",
		"key", keys.CurrentKey(), "resealed", n)
}

// listen opens the port and serves health and metrics, and with faces API and
// dashboard.
func (s *server) listen(ctx context.Context, o cli.ServerOptions, faces bool, metrics *telemetry.Metrics) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.URL = strings.TrimRight(o.PublicURL, "/")
	if s.URL == "" {
		s.URL = "http://" + reachable(listener.Addr())
	}
	authenticator := access.NewAuthenticator(s.store)
	cfg := api.Config{
		Access: authenticator, Ready: s.store.Ping, Metrics: metrics,
		Hosts: append(hostOf(s.URL), o.Hosts...), PublicURL: s.URL, Version: version(), Logger: s.log,
	}
	if faces {
		cfg.Manage = s.manage
		cfg.Web = web.New(web.Config{
			Manage: s.manage, Access: authenticator, Sessions: s.store, PublicURL: s.URL, Version: version(), Logger: s.log,
		})
	}
	s.http = &http.Server{
		Handler: api.New(cfg), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve: %w", err)
		}
	}()
	return nil
}

// reachable is an address that this machine reaches a listener by.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

func hostOf(url string) []string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return []string{name}
}

// adminToken makes an API token of an administrator.
func (s *server) adminToken(ctx context.Context, name string) (string, error) {
	text, _, err := s.manage.CreateToken(ctx, manage.Self(), manage.NewToken{Name: name, Role: store.Admin})
	return text, err
}

// firstToken makes the first token of a new control store; "" if there is one.
func (s *server) firstToken(ctx context.Context) (string, error) {
	tokens, err := s.store.Tokens(ctx, uuid.Nil)
	if err != nil || len(tokens) > 0 {
		return "", err
	}
	return s.adminToken(ctx, "first administrator")
}

// stop ends the node in good order: requests, then turns, then connections.
func (s *server) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	var errs []error
	if s.http != nil {
		soft, cancel := context.WithTimeout(ctx, httpStopWithin)
		defer cancel()
		if err := s.http.Shutdown(soft); err != nil {
			errs = append(errs, s.http.Close())
		}
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Stop(ctx))
	}
	if s.manage != nil {
		s.manage.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	if s.hc != nil {
		s.hc.CloseIdleConnections()
	}
	return errors.Join(errs...)
}

// runServer runs a node until ctx ends.
func runServer(ctx context.Context, o cli.ServerOptions, faces bool, notes io.Writer) error {
	log, err := logger(o)
	if err != nil {
		return err
	}
	if o.NodeName == "" {
		o.NodeName, _ = os.Hostname() // a name for people; "" is one too
		o.NodeName += "-" + strings.ToLower(rand.Text()[:4])
	}
	s, err := startServer(ctx, o, faces, log, notes)
	if err != nil {
		return err
	}
	if faces {
		if err := s.welcome(ctx, notes); err != nil {
			return errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}
	if !faces {
		_, _ = fmt.Fprintf(notes, "Syncline works; health and metrics are at %s\n", s.URL)
	}
	log.InfoContext(ctx, "started", "node", o.NodeName, "url", s.URL, "version", version())
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	log.InfoContext(ctx, "stopping")
	return errors.Join(err, s.stop(context.WithoutCancel(ctx)))
}

// welcome says where the server is, and at the first start how to get in.
func (s *server) welcome(ctx context.Context, notes io.Writer) error {
	token, err := s.firstToken(ctx)
	if err != nil {
		return fmt.Errorf("make the first token: %w", err)
	}
	_, _ = fmt.Fprintf(notes, "Syncline answers at %s\n", s.URL)
	if token == "" {
		return nil
	}
	code, err := s.manage.SignInCode(ctx, manage.Self())
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(notes, "This is the first start. An administrator's token, shown only now:\n  export SYNCLINE_TOKEN=%s\n"+
		"The dashboard, by a link that works once:\n  %s/ui/signin?code=%s\n", token, s.URL, code)
	return nil
}

func logger(o cli.ServerOptions) (*slog.Logger, error) {
	format, err := telemetry.ParseFormat(o.LogFormat)
	if err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", o.LogLevel)
	}
	return telemetry.NewLogger(os.Stderr, telemetry.LogOptions{Format: format, Level: level}), nil
}
