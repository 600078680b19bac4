package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
)

const connectionColumns = `id, name, app_name, resource_name, schema_name, db_key, algorithm, api_version, features, options,
	login_url, instance_url, organization_id, user_id, username, environment, flow, client_id, authorized_at,
	paused, condition, cause, since, stage, created_at, updated_at`

type connectionRow struct {
	ID             uuid.UUID                 `db:"id"`
	Name           string                    `db:"name"`
	AppName        string                    `db:"app_name"`
	ResourceName   string                    `db:"resource_name"`
	Schema         string                    `db:"schema_name"`
	DBKey          string                    `db:"db_key"`
	Algorithm      mapping.Algorithm         `db:"algorithm"`
	APIVersion     string                    `db:"api_version"`
	Features       map[string]bool           `db:"features"`
	Options        mapping.ConnectionOptions `db:"options"`
	LoginURL       string                    `db:"login_url"`
	InstanceURL    string                    `db:"instance_url"`
	OrganizationID string                    `db:"organization_id"`
	UserID         string                    `db:"user_id"`
	Username       string                    `db:"username"`
	Environment    string                    `db:"environment"`
	Flow           mapping.Flow              `db:"flow"`
	ClientID       string                    `db:"client_id"`
	AuthorizedAt   *time.Time                `db:"authorized_at"`
	statusRow
	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

// statusRow are the columns of the stored facts, the same for connections and
// mappings.
type statusRow struct {
	Paused    bool              `db:"paused"`
	Condition mapping.Condition `db:"condition"`
	Cause     string            `db:"cause"`
	Since     time.Time         `db:"since"`
	Stage     mapping.Stage     `db:"stage"`
}

func (r statusRow) status() mapping.Status {
	return mapping.Status{Paused: r.Paused, Condition: r.Condition, Cause: r.Cause, Since: r.Since, Stage: r.Stage}
}

func (r connectionRow) connection() mapping.Connection {
	return mapping.Connection{
		ID: r.ID, Name: r.Name, AppName: r.AppName, ResourceName: r.ResourceName, Schema: r.Schema, DBKey: r.DBKey,
		Org: mapping.Org{
			LoginURL: r.LoginURL, InstanceURL: r.InstanceURL, OrganizationID: r.OrganizationID, UserID: r.UserID,
			Username: r.Username, Environment: r.Environment, Flow: r.Flow, ClientID: r.ClientID, AuthorizedAt: orZero(r.AuthorizedAt),
		},
		Algorithm: r.Algorithm, APIVersion: r.APIVersion, Features: r.Features, Options: r.Options,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Status: r.status(),
	}
}

// connectionArgs are the columns that a person sets; condition, cause and
// since are SetCondition's, the times are the store's.
func connectionArgs(c mapping.Connection) pgx.NamedArgs {
	if c.Features == nil {
		c.Features = map[string]bool{}
	}
	return pgx.NamedArgs{
		"id": c.ID, "name": c.Name, "app_name": c.AppName, "resource_name": c.ResourceName, "schema_name": c.Schema,
		"db_key": c.DBKey, "algorithm": c.Algorithm, "api_version": c.APIVersion, "features": c.Features, "options": c.Options,
		"login_url": c.Org.LoginURL, "instance_url": c.Org.InstanceURL, "organization_id": c.Org.OrganizationID,
		"user_id": c.Org.UserID, "username": c.Org.Username, "environment": c.Org.Environment, "flow": c.Org.Flow,
		"client_id": c.Org.ClientID, "authorized_at": orNull(c.Org.AuthorizedAt),
		"paused": c.Status.Paused, "stage": c.Status.Stage,
	}
}

// CreateConnection stores a new connection with its secrets; empty ones are
// not there yet. ID uuid.Nil draws one. What a person left empty gets Heroku's
// defaults: schema salesforce, stage new, a resource name from the id. It
// returns the connection as stored; ErrConflict when app and resource name are
// taken.
func (q *Queries) CreateConnection(ctx context.Context, c mapping.Connection, s Secrets) (mapping.Connection, error) {
	c = withDefaults(c)
	var created mapping.Connection
	err := pgx.BeginFunc(ctx, q.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			INSERT INTO syncline.connection (id, name, app_name, resource_name, schema_name, db_key, algorithm, api_version,
				features, options, login_url, instance_url, organization_id, user_id, username, environment, flow, client_id,
				authorized_at, paused, stage)
			VALUES (@id, @name, @app_name, @resource_name, @schema_name, @db_key, @algorithm, @api_version,
				@features, @options, @login_url, @instance_url, @organization_id, @user_id, @username, @environment, @flow, @client_id,
				@authorized_at, @paused, @stage)
			RETURNING `+connectionColumns, connectionArgs(c))
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[connectionRow])
		if err != nil {
			return err
		}
		created = row.connection()
		if _, err := tx.Exec(ctx, `INSERT INTO syncline.connection_secret (connection) VALUES ($1)`, c.ID); err != nil {
			return err
		}
		return q.within(tx).writeSecrets(ctx, c.ID, s)
	})
	return created, explain("create connection", err)
}

func withDefaults(c mapping.Connection) mapping.Connection {
	if c.ID == uuid.Nil {
		c.ID = uuid.New()
	}
	if c.ResourceName == "" {
		c.ResourceName = "syncline-" + c.ID.String()[:13]
	}
	if c.Name == "" {
		c.Name = c.ResourceName
	}
	if c.Schema == "" {
		c.Schema = "salesforce"
	}
	if c.Algorithm == "" {
		c.Algorithm = mapping.Ordered
	}
	if c.Status.Stage == "" {
		c.Status.Stage = mapping.StageNew
	}
	return c
}

// within is the same statements inside tx.
func (q *Queries) within(tx pgx.Tx) *Queries { return &Queries{db: tx, keys: q.keys} }

// Connection returns one connection.
func (q *Queries) Connection(ctx context.Context, id uuid.UUID) (mapping.Connection, error) {
	return q.connection(ctx, `WHERE id = $1`, id)
}

// ConnectionByName returns the connection whose resource name or, if only one
// has it, whose name is name; ErrConflict when several have the name.
func (q *Queries) ConnectionByName(ctx context.Context, name string) (mapping.Connection, error) {
	found, err := q.connections(ctx, `WHERE resource_name = $1`, name)
	if err == nil && len(found) == 0 {
		found, err = q.connections(ctx, `WHERE name = $1`, name)
	}
	return only(found, err, "read connection "+name)
}

// ConnectionsByApp returns the connections of an app, by resource name.
func (q *Queries) ConnectionsByApp(ctx context.Context, app string) ([]mapping.Connection, error) {
	return q.connections(ctx, `WHERE app_name = $1`, app)
}

// Connections returns all connections, by app and resource name.
func (q *Queries) Connections(ctx context.Context) ([]mapping.Connection, error) {
	return q.connections(ctx, ``)
}

func (q *Queries) connection(ctx context.Context, where string, args ...any) (mapping.Connection, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+connectionColumns+` FROM syncline.connection `+where, args...)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[connectionRow])
	return row.connection(), explain("read connection", err)
}

func (q *Queries) connections(ctx context.Context, where string, args ...any) ([]mapping.Connection, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+connectionColumns+` FROM syncline.connection `+where+
		` ORDER BY app_name, resource_name`, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (mapping.Connection, error) {
		r, err := pgx.RowToStructByName[connectionRow](row)
		return r.connection(), err
	})
	return list, explain("list connections", err)
}

// UpdateConnection lets fn change a connection under its row's lock and stores
// the outcome, with UpdatedAt moved. Status.Condition, Cause and Since are not
// written: see SetCondition. The error of fn comes back as it is, and nothing
// changes.
func (q *Queries) UpdateConnection(ctx context.Context, id uuid.UUID, fn func(*mapping.Connection) error) (mapping.Connection, error) {
	var updated mapping.Connection
	err := pgx.BeginFunc(ctx, q.db, func(tx pgx.Tx) error {
		// Not FOR UPDATE, which would wait for every insert that refers to the row.
		c, err := q.within(tx).connection(ctx, `WHERE id = $1 FOR NO KEY UPDATE`, id)
		if err != nil {
			return err
		}
		if err := fn(&c); err != nil {
			return err
		}
		c.ID = id
		rows, _ := tx.Query(ctx, `
			UPDATE syncline.connection SET name = @name, app_name = @app_name, resource_name = @resource_name,
				schema_name = @schema_name, db_key = @db_key, algorithm = @algorithm, api_version = @api_version,
				features = @features, options = @options, login_url = @login_url, instance_url = @instance_url,
				organization_id = @organization_id, user_id = @user_id, username = @username,
				environment = @environment, flow = @flow, client_id = @client_id, authorized_at = @authorized_at,
				paused = @paused, stage = @stage, updated_at = clock_timestamp()
			WHERE id = @id RETURNING `+connectionColumns, connectionArgs(c))
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[connectionRow])
		updated = row.connection()
		return explain("update connection", err)
	})
	return updated, err
}

// DeleteConnection removes a connection and all that belongs to it, save its
// audit entries.
func (q *Queries) DeleteConnection(ctx context.Context, id uuid.UUID) error {
	tag, err := q.db.Exec(ctx, `DELETE FROM syncline.connection WHERE id = $1`, id)
	return gone(tag, explain("delete connection", err), "delete connection")
}

// SetCondition stores the trouble that a connection is in, or with a mapping
// other than uuid.Nil, that mapping; mapping.Fine with "" ends it. It writes
// only when something changes and says whether the condition did; Since moves
// with the condition, not with the words.
func (q *Queries) SetCondition(ctx context.Context, connection, mappingID uuid.UUID, condition mapping.Condition, cause string) (bool, error) {
	table, id := "connection", connection
	if mappingID != uuid.Nil {
		table, id = "mapping", mappingID
	}
	var there, changed bool
	err := q.db.QueryRow(ctx, `
		WITH old AS (SELECT id, condition FROM syncline.`+table+` WHERE id = $1),
		written AS (
			UPDATE syncline.`+table+` t SET condition = $2, cause = $3,
				since = CASE WHEN t.condition = $2 THEN t.since ELSE clock_timestamp() END
			FROM old WHERE t.id = old.id AND (t.condition, t.cause) IS DISTINCT FROM ($2, $3))
		SELECT count(*) > 0, coalesce(bool_or(condition <> $2), false) FROM old`,
		id, string(condition), clean(cause)).Scan(&there, &changed)
	if err == nil && !there {
		err = pgx.ErrNoRows
	}
	return changed, explain("set condition of "+table, err)
}
