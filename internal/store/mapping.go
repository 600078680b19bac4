package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
)

const mappingColumns = `id, connection, object_name, access, fields, indexes, upsert_field, poll_seconds, notify,
	max_daily_calls, policy, options, revision, applied_at, paused, condition, cause, since, stage, polls_asked, created_at, updated_at`

type mappingRow struct {
	ID            uuid.UUID                `db:"id"`
	Connection    uuid.UUID                `db:"connection"`
	ObjectName    string                   `db:"object_name"`
	Access        mapping.Access           `db:"access"`
	Fields        []string                 `db:"fields"`
	Indexes       map[string]mapping.Index `db:"indexes"`
	UpsertField   string                   `db:"upsert_field"`
	PollSeconds   int                      `db:"poll_seconds"`
	Notify        bool                     `db:"notify"`
	MaxDailyCalls int                      `db:"max_daily_calls"`
	Policy        mapping.Policy           `db:"policy"`
	Options       mapping.Options          `db:"options"`
	Revision      int                      `db:"revision"`
	AppliedAt     *time.Time               `db:"applied_at"`
	PollsAsked    int64                    `db:"polls_asked"`
	statusRow
	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

func (r mappingRow) mapping() mapping.Mapping {
	return mapping.Mapping{
		ID: r.ID, ConnectionID: r.Connection, ObjectName: r.ObjectName, Access: r.Access, Fields: r.Fields,
		Indexes: r.Indexes, UpsertField: r.UpsertField, PollSeconds: r.PollSeconds, Notify: r.Notify,
		MaxDailyCalls: r.MaxDailyCalls, Policy: r.Policy, Options: r.Options, Revision: r.Revision, AppliedAt: orZero(r.AppliedAt), PollsAsked: r.PollsAsked,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Status: r.status(),
	}
}

func mappingArgs(m mapping.Mapping) pgx.NamedArgs {
	if m.Indexes == nil {
		m.Indexes = map[string]mapping.Index{}
	}
	return pgx.NamedArgs{
		"id": m.ID, "connection": m.ConnectionID, "object_name": m.ObjectName, "access": m.Access,
		"fields": nonNil(m.Fields), "indexes": m.Indexes, "upsert_field": m.UpsertField, "poll_seconds": m.PollSeconds,
		"notify": m.Notify, "max_daily_calls": m.MaxDailyCalls, "policy": m.Policy, "options": m.Options, "revision": m.Revision,
		"paused": m.Status.Paused, "stage": m.Status.Stage,
	}
}

// CreateMapping stores a new mapping in revision 1 and returns it as stored.
// ID uuid.Nil draws one; an empty policy is last_writer, an empty stage
// created. ErrConflict when the object is mapped already, in whatever case it
// is written.
func (q *Queries) CreateMapping(ctx context.Context, m mapping.Mapping) (mapping.Mapping, error) {
	if m.ID == uuid.Nil {
		m.ID = uuid.New()
	}
	if m.Policy == "" {
		m.Policy = mapping.LastWriter
	}
	if m.Status.Stage == "" {
		m.Status.Stage = mapping.StageCreated
	}
	rows, _ := q.db.Query(ctx, `
		INSERT INTO syncline.mapping (id, connection, object_name, access, fields, indexes, upsert_field, poll_seconds,
			notify, max_daily_calls, policy, options, paused, stage)
		VALUES (@id, @connection, @object_name, @access, @fields, @indexes, @upsert_field, @poll_seconds,
			@notify, @max_daily_calls, @policy, @options, @paused, @stage)
		RETURNING `+mappingColumns, mappingArgs(m))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[mappingRow])
	return row.mapping(), explain("create mapping", err)
}

// Mapping returns one mapping.
func (q *Queries) Mapping(ctx context.Context, id uuid.UUID) (mapping.Mapping, error) {
	return q.mapping(ctx, `WHERE id = $1`, id)
}

// MappingByObject returns the mapping of an object, in whatever case it is
// written.
func (q *Queries) MappingByObject(ctx context.Context, connection uuid.UUID, object string) (mapping.Mapping, error) {
	return q.mapping(ctx, `WHERE connection = $1 AND lower(object_name) = lower($2)`, connection, object)
}

// Mappings returns a connection's mappings by object name.
func (q *Queries) Mappings(ctx context.Context, connection uuid.UUID) ([]mapping.Mapping, error) {
	return q.mappings(ctx, `WHERE connection = $1`, connection)
}

// MappingState is the part of a mapping that says which turns it needs.
type MappingState struct {
	ID         uuid.UUID      `db:"id"`
	Connection uuid.UUID      `db:"connection"`
	ObjectName string         `db:"object_name"`
	Access     mapping.Access `db:"access"`
	Revision   int            `db:"revision"`
	Paused     bool           `db:"paused"`
	// PauseReads and PauseWrites stop one direction.
	PauseReads  bool          `db:"pause_reads"`
	PauseWrites bool          `db:"pause_writes"`
	Stage       mapping.Stage `db:"stage"`
}

// MappingStates returns the states of the mappings of all connections, by
// connection and object name. Every node asks every few seconds, so it reads
// no more than they need.
func (q *Queries) MappingStates(ctx context.Context) ([]MappingState, error) {
	rows, _ := q.db.Query(ctx, `SELECT id, connection, object_name, access, revision, paused, stage,
			coalesce((options->>'pause_reads')::boolean, false) AS pause_reads,
			coalesce((options->>'pause_writes')::boolean, false) AS pause_writes
		FROM syncline.mapping
		ORDER BY connection, lower(object_name)`)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[MappingState])
	return list, explain("list mappings", err)
}

func (q *Queries) mapping(ctx context.Context, where string, args ...any) (mapping.Mapping, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+mappingColumns+` FROM syncline.mapping `+where, args...)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[mappingRow])
	return row.mapping(), explain("read mapping", err)
}

func (q *Queries) mappings(ctx context.Context, where string, args ...any) ([]mapping.Mapping, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+mappingColumns+` FROM syncline.mapping `+where+
		` ORDER BY connection, lower(object_name)`, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (mapping.Mapping, error) {
		r, err := pgx.RowToStructByName[mappingRow](row)
		return r.mapping(), err
	})
	return list, explain("list mappings", err)
}

// UpdateMapping lets fn change a mapping under its row's lock and stores the
// outcome. Revision and UpdatedAt move when the configuration did, not with
// a pause, of one direction or both, and stage. Status.Condition, Cause and Since are not written (see
// SetCondition), nor is AppliedAt (see SetApplied). The error of fn comes back
// as it is, and nothing changes.
func (q *Queries) UpdateMapping(ctx context.Context, id uuid.UUID, fn func(*mapping.Mapping) error) (mapping.Mapping, error) {
	var updated mapping.Mapping
	err := pgx.BeginFunc(ctx, q.db, func(tx pgx.Tx) error {
		m, err := q.within(tx).mapping(ctx, `WHERE id = $1 FOR NO KEY UPDATE`, id)
		if err != nil {
			return err
		}
		before := m
		before.Fields, before.Indexes, before.Options = slices.Clone(m.Fields), maps.Clone(m.Indexes), m.Options.Clone()
		if err := fn(&m); err != nil {
			return err
		}
		m.ID, m.ConnectionID, m.Revision = id, before.ConnectionID, before.Revision
		if !sameConfig(before, m) {
			m.Revision++
		}
		rows, _ := tx.Query(ctx, `
			UPDATE syncline.mapping SET object_name = @object_name, access = @access, fields = @fields, indexes = @indexes,
				upsert_field = @upsert_field, poll_seconds = @poll_seconds, notify = @notify,
				max_daily_calls = @max_daily_calls, policy = @policy, options = @options, paused = @paused, stage = @stage,
				updated_at = CASE WHEN revision = @revision THEN updated_at ELSE clock_timestamp() END, revision = @revision
			WHERE id = @id RETURNING `+mappingColumns, mappingArgs(m))
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[mappingRow])
		updated = row.mapping()
		return explain("update mapping", err)
	})
	return updated, err
}

// sameConfig says whether two states of a mapping are configured alike.
func sameConfig(a, b mapping.Mapping) bool {
	return a.ObjectName == b.ObjectName && a.Access == b.Access && slices.Equal(a.Fields, b.Fields) &&
		maps.Equal(a.Indexes, b.Indexes) && a.UpsertField == b.UpsertField && a.PollSeconds == b.PollSeconds &&
		a.Notify == b.Notify && a.MaxDailyCalls == b.MaxDailyCalls && a.Policy == b.Policy && a.Options.Same(b.Options)
}

// AskPoll counts a wish for a poll of the mapping.
func (q *Queries) AskPoll(ctx context.Context, id uuid.UUID) error {
	tag, err := q.db.Exec(ctx, `UPDATE syncline.mapping SET polls_asked = polls_asked + 1 WHERE id = $1`, id)
	return gone(tag, explain("ask for a poll", err), "ask for a poll")
}

// SetStage stores how far a mapping has come; it writes only on a change.
func (q *Queries) SetStage(ctx context.Context, id uuid.UUID, stage mapping.Stage) error {
	_, err := q.db.Exec(ctx, `UPDATE syncline.mapping SET stage = $2 WHERE id = $1 AND stage <> $2`, id, string(stage))
	return explain("set mapping's stage", err)
}

// SetApplied says that the table stands as the given revision wants it, and
// keeps the snapshot of the describes that it was made from: the JSON that
// Snapshot gives back. A revision that is no longer the newest is refused with
// ErrConflict: the edit since then must be applied first.
func (q *Queries) SetApplied(ctx context.Context, id uuid.UUID, revision int, snapshot json.RawMessage) error {
	tag, err := q.db.Exec(ctx, `UPDATE syncline.mapping SET applied_at = clock_timestamp(), snapshot = $3
		WHERE id = $1 AND revision = $2`, id, revision, cleanJSON(snapshot))
	if err != nil || tag.RowsAffected() == 1 {
		return explain("set mapping applied", err)
	}
	if _, err := q.Mapping(ctx, id); err != nil {
		return err
	}
	return explainNewer(id, revision)
}

// Snapshot returns what SetApplied stored, ErrNotFound before the first.
func (q *Queries) Snapshot(ctx context.Context, id uuid.UUID) (json.RawMessage, error) {
	var snapshot json.RawMessage
	err := q.db.QueryRow(ctx, `SELECT snapshot FROM syncline.mapping WHERE id = $1 AND snapshot IS NOT NULL`, id).Scan(&snapshot)
	return snapshot, explain("read mapping's snapshot", err)
}

// DeleteMapping removes a mapping; its table is not the store's.
func (q *Queries) DeleteMapping(ctx context.Context, id uuid.UUID) error {
	tag, err := q.db.Exec(ctx, `DELETE FROM syncline.mapping WHERE id = $1`, id)
	return gone(tag, explain("delete mapping", err), "delete mapping")
}
