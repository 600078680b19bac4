package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// Prefix is the path under which the API lives.
const Prefix = "/api/syncline/v1"

// Config is what the server's handler is made of.
type Config struct {
	Manage *manage.Service
	Access *access.Authenticator
	// Ready says why the server can't do its work, nil if it can.
	Ready func(ctx context.Context) error
	// Metrics may be nil.
	Metrics *telemetry.Metrics
	// Web serves everything under /ui/; it may be nil.
	Web http.Handler
	// Hosts are names that requests may be for, beside loopback names and
	// addresses: a page of somebody else's that has its name resolve to us
	// (DNS rebinding) gets nothing. "*" allows all.
	Hosts []string
	// PublicURL is how people reach the server, without a slash at the end.
	PublicURL string
	Version   string
	Logger    *slog.Logger
}

// server is the handler's parts.
type server struct {
	cfg     Config
	log     *slog.Logger
	metrics http.Handler
	inner   string // what opens the metrics' handler behind our own check
}

// New gives the handler of a whole server, or without Manage that of a worker:
// whether it lives and is ready, and its metrics.
func New(cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{cfg: cfg, log: cfg.Logger, inner: rand.Text()}
	mux := http.NewServeMux()
	hint := "A worker has no API; ask a server."
	if cfg.Manage != nil {
		hint = "The API is under " + Prefix + "."
		mux.Handle(Prefix+"/", s.authenticated(s.routes()))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	if cfg.Metrics != nil {
		s.metrics = cfg.Metrics.Handler(s.inner)
		mux.Handle("GET /metrics", s.authenticated(http.HandlerFunc(s.serveMetrics)))
	}
	if cfg.Web != nil {
		mux.Handle("/ui/", cfg.Web)
		mux.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusFound))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &problem{Status: http.StatusNotFound, Detail: "There is nothing here.", Fix: hint})
	})
	return s.traced(s.hosted(mux))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the client is gone if it fails
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	if err := s.cfg.Ready(ctx); err != nil {
		s.log.WarnContext(ctx, "not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	plain(w, http.StatusOK, "ready")
}

// serveMetrics lets in whoever may see the whole server.
func (s *server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if err := callerOf(r.Context()).Check(access.View, uuid.Nil); err != nil {
		s.refuse(w, r, &problem{Status: http.StatusForbidden, Detail: err.Error()})
		return
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.inner)
	s.metrics.ServeHTTP(w, r)
}

type contextKey int

const (
	callerKey contextKey = iota
	requestKey
)

func callerOf(ctx context.Context) manage.Caller {
	c, _ := ctx.Value(callerKey).(manage.Caller)
	return c
}

func requestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}

// traced gives every request an id, and a line of the log to those that fail.
func (s *server) traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:12]
		ctx := context.WithValue(r.Context(), requestKey, id)
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		rec := &recorder{ResponseWriter: w}
		start := time.Now()
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
				s.log.ErrorContext(ctx, "panic in a request", "request_id", id, "panic", p)
				if rec.status == 0 {
					s.refuse(rec, r.WithContext(ctx), &problem{Status: http.StatusInternalServerError})
				}
			}
			s.logRequest(ctx, r, rec.status, time.Since(start))
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

func (s *server) logRequest(ctx context.Context, r *http.Request, status int, took time.Duration) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		level = slog.LevelError
	}
	s.log.Log(ctx, level, "request", "request_id", requestOf(ctx), "method", r.Method, "path", r.URL.Path,
		"status", status, "took", took.Round(time.Microsecond))
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// hosted refuses requests for names that are not ours.
func (s *server) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ours(r.Host) {
			s.refuse(w, r, &problem{
				Status: http.StatusMisdirectedRequest, Detail: "This server does not answer for that host name.",
				Fix: "Let the operator add it to SYNCLINE_HOSTS.",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours says whether a Host header names this server. Addresses can't be
// rebound; of names, only those on the list count.
func (s *server) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if net.ParseIP(name) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	for _, allowed := range s.cfg.Hosts {
		if allowed == "*" || strings.EqualFold(allowed, name) || strings.EqualFold(allowed, host) {
			return true
		}
	}
	return false
}

// authenticated lets requests with a valid token pass.
func (s *server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			s.unauthorized(w, r, "The request carries no API token.")
			return
		}
		who, err := s.cfg.Access.Token(r.Context(), strings.TrimSpace(token))
		if errors.Is(err, access.ErrUnknown) {
			s.unauthorized(w, r, "The API token is unknown or has expired.")
			return
		}
		if err != nil {
			s.refuse(w, r, s.translate(r.Context(), err))
			return
		}
		caller := manage.Caller{Principal: who, From: remote(r)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey, caller)))
	})
}

func (s *server) unauthorized(w http.ResponseWriter, r *http.Request, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="syncline"`)
	s.refuse(w, r, &problem{
		Status: http.StatusUnauthorized, Detail: detail,
		Fix: "Send Authorization: Bearer <token>; an administrator makes tokens with: syncline token create",
	})
}

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
