package target

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says how to reach the user's database and how gently to treat it. The
// zero value of every field but URL is a sensible default.
type Config struct {
	// URL is a postgres:// URL or a key=value string. It may lead to a pooler
	// in transaction mode. It holds a password: it is never logged and never
	// part of an error.
	URL string
	// DirectURL leads to the database itself, past a pooler; only [DB.Listen]
	// uses it. Empty means URL.
	DirectURL string
	// ApplicationName is what pg_stat_activity shows; "syncline" if empty.
	ApplicationName string
	// MaxConns bounds the pool; 6 if zero.
	MaxConns int32
	// ConnectTimeout bounds one attempt to connect; 10 s if zero.
	ConnectTimeout time.Duration
	// Limits are those of a transaction that names none.
	Limits Limits
}

// Limits bound one transaction, so that Syncline never stands in the way of
// the application for long. Zero means the next default: that of [Config],
// then 60 s for a statement, 5 s for a lock, 15 s of idling (a node that
// stopped inside a transaction holds its fence that long).
type Limits struct {
	Statement time.Duration
	Lock      time.Duration
	Idle      time.Duration
}

const (
	defaultMaxConns       = 6
	defaultConnectTimeout = 10 * time.Second
	defaultStatement      = 60 * time.Second
	defaultLock           = 5 * time.Second
	defaultIdle           = 15 * time.Second
	maxConnIdle           = time.Minute
)

func (l Limits) or(d Limits) Limits {
	if l.Statement == 0 {
		l.Statement = d.Statement
	}
	if l.Lock == 0 {
		l.Lock = d.Lock
	}
	if l.Idle == 0 {
		l.Idle = d.Idle
	}
	return l
}

func (c Config) withDefaults() Config {
	if c.ApplicationName == "" {
		c.ApplicationName = "syncline"
	}
	if c.MaxConns == 0 {
		c.MaxConns = defaultMaxConns
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = defaultConnectTimeout
	}
	c.Limits = c.Limits.or(Limits{Statement: defaultStatement, Lock: defaultLock, Idle: defaultIdle})
	return c
}

// DB is a pool on one user's database. It is safe for concurrent use.
type DB struct {
	pool   *pgxpool.Pool
	direct *pgx.ConnConfig
	limits Limits
}

// Open prepares a pool; it does not connect yet, so that a database that is
// down for the moment is an error of the first use ([DB.Ping] tells at once).
// Close gives the connections back.
func Open(ctx context.Context, c Config) (*DB, error) {
	c = c.withDefaults()
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, urlError("database URL", err)
	}
	pc.MaxConns = c.MaxConns
	pc.MaxConnIdleTime = maxConnIdle
	prepare(pc.ConnConfig, c)

	direct := pc.ConnConfig.Copy()
	if c.DirectURL != "" {
		if direct, err = pgx.ParseConfig(c.DirectURL); err != nil {
			return nil, urlError("direct database URL", err)
		}
		prepare(direct, c)
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{pool: pool, direct: direct, limits: c.Limits}, nil
}

// prepare makes a connection fit for a pooler in transaction mode: no prepared
// statement has a name, and the only start-up parameters are those that
// PgBouncer tracks for each client.
func prepare(cc *pgx.ConnConfig, c Config) {
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	cc.StatementCacheCapacity = 0
	cc.DescriptionCacheCapacity = 0
	cc.ConnectTimeout = c.ConnectTimeout
	cc.RuntimeParams["application_name"] = c.ApplicationName
	cc.RuntimeParams["client_encoding"] = "UTF8"
	cc.RuntimeParams["standard_conforming_strings"] = "on"
}

// urlError drops the connection string, which pgx and net/url put into their
// errors: a broken URL is where a password is least well recognised.
func urlError(what string, err error) error {
	reason := "it is neither a URL nor key=value pairs, or a value in it is not allowed"
	if u, ok := errors.AsType[*url.Error](err); ok {
		if _, isEscape := errors.AsType[url.EscapeError](u.Err); isEscape {
			reason = "a special character in it must be percent-encoded"
		}
	}
	return fmt.Errorf("%s: %s; expected postgres://user:password@host:5432/database", what, reason)
}

// Close waits for the sessions under way and closes the pool.
func (db *DB) Close() { db.pool.Close() }

// Ping connects, if need be, and says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.Ping(ctx); err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	return nil
}

// Pool is for reads that need none of the switches of [DB.Read]. Whoever
// writes through it escapes the fence: use [DB.Write].
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Now is the database's clock, the one that marks and claims are measured by.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := db.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return now, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}
