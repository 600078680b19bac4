// Package web is the dashboard: pages rendered on the server, a stylesheet and
// a script of our own that fetches what changed. No asset comes from elsewhere.
//
// One signs in by a link that works once ([manage.Service.SignInCode] makes its
// code); the session is a cookie that scripts can't read. [New] gives the
// handler of everything under /ui/.
package web

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

// sessionTTL is how long a sign-in lasts.
const sessionTTL = 12 * time.Hour

//go:embed static
var static embed.FS

// Sessions keeps sign-ins and sessions; *store.Store does.
type Sessions interface {
	UseSignIn(ctx context.Context, text string) (store.Holder, error)
	CreateSession(ctx context.Context, holder store.Holder, ttl time.Duration) (secret.Text, error)
	EndSession(ctx context.Context, text string) error
}

// Config is what the dashboard needs. Logger may be nil.
type Config struct {
	Manage   *manage.Service
	Access   *access.Authenticator
	Sessions Sessions
	// PublicURL is how people reach the server; https there makes the session's
	// cookie one that travels by TLS only.
	PublicURL string
	Version   string
	Logger    *slog.Logger
}

type server struct {
	cfg    Config
	log    *slog.Logger
	secure bool
	cookie string
}

// New makes the handler of everything under /ui/.
func New(cfg Config) http.Handler {
	s := &server{cfg: cfg, log: cfg.Logger, cookie: "syncline"}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.secure = strings.HasPrefix(cfg.PublicURL, "https://"); s.secure {
		s.cookie = "__Host-syncline"
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic("web: " + err.Error()) // the directory is compiled in
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ui/{$}", s.signedIn(s.overview))
	mux.HandleFunc("GET /ui/connections/{id}", s.signedIn(s.overview))
	mux.HandleFunc("GET /ui/connections/{id}/live", s.signedIn(s.live))
	mux.HandleFunc("GET /ui/signin", s.signIn)
	mux.HandleFunc("POST /ui/signout", s.signOut)
	mux.Handle("GET /ui/static/", cached(http.StripPrefix("/ui/static/", http.FileServerFS(files))))
	mux.HandleFunc("/ui/", func(w http.ResponseWriter, r *http.Request) {
		s.message(w, r, http.StatusNotFound, "There is nothing here", "The page that you asked for does not exist.")
	})
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// guarded sets the headers of every page.
func guarded(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// signIn turns the code of a link into a session.
func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	holder, err := s.cfg.Sessions.UseSignIn(r.Context(), r.URL.Query().Get("code"))
	if errors.Is(err, store.ErrNotFound) {
		s.message(w, r, http.StatusUnauthorized, "This link is used up",
			"A sign-in link works once, and for 15 minutes. Get another one with: syncline sign-in")
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	text, err := s.cfg.Sessions.CreateSession(r.Context(), holder, sessionTTL)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.setCookie(w, text.Reveal(), sessionTTL)
	http.Redirect(w, r, "/ui/", http.StatusSeeOther)
}

func (s *server) setCookie(w http.ResponseWriter, value string, ttl time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is off only without TLS
		Name: s.cookie, Value: value, Path: "/", MaxAge: int(ttl / time.Second),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(s.cookie); err == nil {
		if err := s.cfg.Sessions.EndSession(r.Context(), c.Value); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.setCookie(w, "", -time.Second)
	s.message(w, r, http.StatusOK, "Signed out", "To sign in again, get a link with: syncline sign-in")
}

// signedIn lets requests with a session pass.
func (s *server) signedIn(next func(http.ResponseWriter, *http.Request, manage.Caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(s.cookie)
		if err != nil {
			s.unknown(w, r)
			return
		}
		who, err := s.cfg.Access.Session(r.Context(), c.Value)
		if errors.Is(err, access.ErrUnknown) {
			s.unknown(w, r)
			return
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		next(w, r, manage.Caller{Principal: who, From: host})
	}
}

func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	s.message(w, r, http.StatusUnauthorized, "Please sign in", "Get a link that signs you in with: syncline sign-in")
}

// fail shows an error of a use case; one that is ours goes to the log.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := errors.AsType[*manage.Problem](err); ok {
		status := http.StatusConflict
		switch p.Kind {
		case manage.NotFound:
			status = http.StatusNotFound
		case manage.Refused:
			status = http.StatusForbidden
		case manage.Unavailable:
			status = http.StatusServiceUnavailable
		case manage.Invalid, manage.Conflict:
		}
		s.message(w, r, status, p.What, p.Fix)
		return
	}
	if r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", err)
	}
	s.message(w, r, http.StatusInternalServerError, "The server failed to show this", "Look for the time of this request in the server's log.")
}
