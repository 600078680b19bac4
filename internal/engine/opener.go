package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// describeAge is how old a kept describe may be before the org is asked again.
const describeAge = 24 * time.Hour

// OpenerConfig is what sessions are made with.
type OpenerConfig struct {
	Store *store.Store
	// HTTP reaches orgs; by salesforce.NewHTTPClient, shared by all sessions.
	HTTP *http.Client
	// CallClient marks our calls; see salesforce.Config.
	CallClient string
	// MaxConns bounds each target's pool; 0 means the target's default.
	MaxConns int32
	// Metrics may be nil.
	Metrics *telemetry.Metrics
	Logger  *slog.Logger
}

// NewOpener gives the opener of real sessions: the target database, migrated,
// and the org's client with the session and the ledger that all nodes share
// through the control store. The org is not called yet.
func NewOpener(cfg OpenerConfig) Opener {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return func(ctx context.Context, c mapping.Connection) (*Session, error) {
		db, err := openTarget(ctx, cfg, c)
		if err != nil {
			return nil, err
		}
		ledger := budget.NewLedger(c.ID, cfg.Store, cfg.Logger)
		ledger.Start(context.WithoutCancel(ctx))
		governor := budget.NewGovernor(ledger, cfg.Store)
		org := salesforce.New(salesforce.Config{
			Version: c.APIVersion, CallClient: cfg.CallClient, HTTP: cfg.HTTP, Meter: meter{ledger, cfg.Metrics, c.ID.String()},
			Allow:  func(ctx context.Context, use budget.Use) error { return governor.Allow(ctx, use.Purpose) },
			Tokens: auth.NewSource(cfg.Store, c.ID, cfg.HTTP), Logger: cfg.Logger,
		})
		return &Session{
			DB: db, Org: org, Describe: (&describes{cfg.Store, c, org}).get, Calls: governor,
			Closing: func(ctx context.Context) {
				if err := ledger.Stop(ctx); err != nil {
					cfg.Logger.WarnContext(ctx, "API call counts not stored", "connection", c.ID, "error", err)
				}
			},
		}, nil
	}
}

// meter counts calls in the ledger, and in the metrics of the node that made
// them.
type meter struct {
	*budget.Ledger
	metrics    *telemetry.Metrics
	connection string
}

// Charge implements salesforce.Meter.
func (m meter) Charge(use budget.Use) {
	m.Ledger.Charge(use)
	if m.metrics != nil {
		m.metrics.APICallsTotal.WithLabelValues(m.connection, use.Kind).Inc()
	}
}

func openTarget(ctx context.Context, cfg OpenerConfig, c mapping.Connection) (*target.DB, error) {
	url, direct, err := cfg.Store.DatabaseURL(ctx, c.ID)
	if target.Classify(err) != target.Other {
		return nil, &controlError{err}
	}
	if err != nil {
		return nil, err // no database is set, or its URL can't be unsealed: for a person to see
	}
	db, err := target.Open(ctx, target.Config{
		URL: url.Reveal(), DirectURL: direct.Reveal(), MaxConns: cfg.MaxConns, ApplicationName: "syncline",
	})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// describes asks the org for describes and keeps them for all nodes.
type describes struct {
	store      *store.Store
	connection mapping.Connection
	org        *salesforce.Client
}

// get is the session's Describer.
func (d *describes) get(ctx context.Context, object string, fresh bool) (*sobject.Object, error) {
	if !fresh {
		o, err := d.kept(ctx, object)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return o, err
		}
	}
	o, err := d.org.Describe(salesforce.WithUse(ctx, "", "describe"), object)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("keep describe of %s: %w", object, err)
	}
	if err := d.store.PutDescribe(ctx, d.connection.ID, store.Describe{Object: o.Name, Body: body}); err != nil {
		return nil, &controlError{err}
	}
	return o, nil
}

// kept is the describe that the control store has, store.ErrNotFound if there
// is none that is young enough and decodes.
func (d *describes) kept(ctx context.Context, object string) (*sobject.Object, error) {
	kept, err := d.store.Describe(ctx, d.connection.ID, object)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		return nil, &controlError{err}
	}
	o, err := sobject.Decode(bytes.NewReader(kept.Body))
	if err != nil || time.Since(kept.FetchedAt) > describeAge {
		return nil, store.ErrNotFound
	}
	return o, nil
}
