package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/synclinehq/syncline/internal/secret"
)

// Schema holds every table of the control store, River's among them, so that
// it can live in a user's database without touching the rest.
const Schema = "syncline"

// DefaultMaxConns is the size of a node's pool on the control database.
const DefaultMaxConns = 16

// Config says where the control store is.
type Config struct {
	// URL of the control database. The role must be allowed to create the
	// schema, or own it.
	URL secret.Text
	// Keys seals and opens the secrets of connections.
	Keys *secret.KeyRing
	// MaxConns bounds the pool; 0 means DefaultMaxConns, and less than 4 is 4.
	// Heartbeats have one more connection.
	// A refresh of a grant holds one as long as Salesforce takes to answer.
	MaxConns int32
	// ApplicationName shows up in pg_stat_activity; "" means "syncline".
	ApplicationName string
	// Logger is told of migrations; nil means silence.
	Logger *slog.Logger
}

// Store is the control store. It is safe for concurrent use.
type Store struct {
	Queries
	pool  *pgxpool.Pool
	pulse *pgxpool.Pool // one connection, for heartbeats alone
}

// Queries are the statements of the control store. Each method is atomic; on a
// Tx it takes part in that transaction.
type Queries struct {
	db   querier
	keys *secret.KeyRing
}

// Tx is a transaction on the control store.
type Tx struct {
	Queries
	pgx pgx.Tx
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Open connects, brings the schema up to date and returns the store. Nodes
// that open the same database at once wait for each other.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Keys == nil {
		return nil, errors.New("open control store: no key ring given")
	}
	poolConfig, err := poolConfig(config)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open control store: %w", err)
	}
	if err := migrate(ctx, pool, config.Logger); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open control store: %w", err)
	}
	pulse, err := openPulse(ctx, poolConfig)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open control store: %w", err)
	}
	return &Store{Queries: Queries{db: pool, keys: config.Keys}, pool: pool, pulse: pulse}, nil
}

// openPulse gives heartbeats a connection that no turn can hold: a node whose
// turns wait for one another's connections still lives.
func openPulse(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	config = config.Copy()
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, 1
	return pgxpool.NewWithConfig(ctx, config)
}

func poolConfig(config Config) (*pgxpool.Config, error) {
	if config.URL.Reveal() == "" {
		return nil, errors.New("open control store: no database URL given")
	}
	pc, err := pgxpool.ParseConfig(config.URL.Reveal())
	if err != nil {
		return nil, errors.New("open control store: the database URL can't be read; " +
			"it looks like postgres://user:password@host:5432/database")
	}
	pc.MaxConns = DefaultMaxConns
	if config.MaxConns > 0 {
		pc.MaxConns = max(config.MaxConns, 4)
	}
	if config.ApplicationName == "" {
		config.ApplicationName = "syncline"
	}
	pc.ConnConfig.RuntimeParams["application_name"] = config.ApplicationName
	pc.AfterConnect = readTimesAsUTC
	return pc, nil
}

// readTimesAsUTC keeps the node's time zone out of what the store returns.
func readTimesAsUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Close ends all connections; it waits for those in use.
func (s *Store) Close() {
	s.pool.Close()
	s.pulse.Close()
}

// Pool is for River and for LISTEN, which need connections of their own. The
// tables of this package are reached through its methods only.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping tells whether the control database answers.
func (s *Store) Ping(ctx context.Context) error {
	return explain("ping control store", s.pool.Ping(ctx))
}

// InTx runs fn in one transaction and commits when fn returns nil. The error
// of fn comes back as it is.
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		return fn(&Tx{Queries: Queries{db: tx, keys: s.keys}, pgx: tx})
	})
}

// Pgx is the transaction itself, so that a River job joins it.
func (t *Tx) Pgx() pgx.Tx { return t.pgx }
