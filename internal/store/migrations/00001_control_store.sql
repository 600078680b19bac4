-- +goose Up

-- The identity of this control store. A target database remembers control_id
-- (a clone notices) and generation (a restored control store notices).
CREATE TABLE syncline.server (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    control_id uuid NOT NULL DEFAULT gen_random_uuid(),
    generation bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO syncline.server DEFAULT VALUES;

CREATE TABLE syncline.connection (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (name <> ''),
    app_name        text NOT NULL,
    resource_name   text NOT NULL CHECK (resource_name <> ''),
    schema_name     text NOT NULL,
    db_key          text NOT NULL,
    algorithm       text NOT NULL,
    api_version     text NOT NULL,
    features        jsonb NOT NULL,
    login_url       text NOT NULL,
    instance_url    text NOT NULL,
    organization_id text NOT NULL,
    user_id         text NOT NULL,
    username        text NOT NULL,
    environment     text NOT NULL,
    flow            text NOT NULL,
    client_id       text NOT NULL,
    authorized_at   timestamptz,
    paused          boolean NOT NULL DEFAULT false,
    condition       text NOT NULL DEFAULT '',
    cause           text NOT NULL DEFAULT '',
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    stage           text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT connection_app_resource UNIQUE (app_name, resource_name)
);

-- Apart from connection, since a refresh of the grant holds its row lock for
-- as long as Salesforce takes to answer. The blobs are sealed.
CREATE TABLE syncline.connection_secret (
    connection    uuid PRIMARY KEY REFERENCES syncline.connection ON DELETE CASCADE,
    database_url  bytea,
    direct_url    bytea,
    client_secret bytea,
    access_token  bytea,
    refresh_token bytea,
    instance_url  text NOT NULL DEFAULT '',
    identity_url  text NOT NULL DEFAULT '',
    issued_at     timestamptz
);

CREATE TABLE syncline.mapping (
    id              uuid PRIMARY KEY,
    connection      uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    object_name     text NOT NULL CHECK (object_name <> ''),
    access          text NOT NULL CHECK (access IN ('read_only', 'read_write')),
    fields          text[] NOT NULL,
    indexes         jsonb NOT NULL,
    upsert_field    text NOT NULL,
    poll_seconds    integer NOT NULL CHECK (poll_seconds > 0),
    notify          boolean NOT NULL,
    max_daily_calls integer NOT NULL,
    policy          text NOT NULL,
    revision        integer NOT NULL DEFAULT 1,
    applied_at      timestamptz,
    paused          boolean NOT NULL DEFAULT false,
    condition       text NOT NULL DEFAULT '',
    cause           text NOT NULL DEFAULT '',
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    stage           text NOT NULL,
    snapshot        jsonb,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX mapping_object ON syncline.mapping (connection, lower(object_name));

-- Apart from mapping, since these are written all the time.
CREATE TABLE syncline.mapping_count (
    mapping    uuid PRIMARY KEY REFERENCES syncline.mapping ON DELETE CASCADE,
    rows_db    bigint,
    rows_sf    bigint,
    pending    bigint,
    errors     bigint,
    polled_at  timestamptz,
    written_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE syncline.describe (
    connection    uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    object        text NOT NULL,
    body          jsonb NOT NULL,
    last_modified text NOT NULL,
    fetched_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection, object)
);

CREATE TABLE syncline.audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL CHECK (who <> ''),
    origin     text NOT NULL,
    action     text NOT NULL CHECK (action <> ''),
    subject    text NOT NULL,
    connection uuid,
    before     jsonb,
    after      jsonb,
    prev       bytea,
    mac        bytea
);
CREATE INDEX audit_connection ON syncline.audit (connection, id);

-- +goose StatementBegin
CREATE FUNCTION syncline.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON syncline.audit
    FOR EACH STATEMENT EXECUTE FUNCTION syncline.refuse_audit_change();

CREATE TABLE syncline.event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    connection uuid REFERENCES syncline.connection ON DELETE CASCADE,
    mapping    uuid,
    level      text NOT NULL,
    event      text NOT NULL,
    state      text NOT NULL,
    fields     jsonb NOT NULL
);
CREATE INDEX event_connection ON syncline.event (connection, id);
CREATE INDEX event_at ON syncline.event (at);

CREATE TABLE syncline.token (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    hash         bytea NOT NULL UNIQUE,
    name         text NOT NULL CHECK (name <> ''),
    role         text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    scopes       text[] NOT NULL,
    connection   uuid REFERENCES syncline.connection ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz,
    last_used_at timestamptz
);

CREATE TABLE syncline.signin (
    hash       bytea PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    role       text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    connection uuid REFERENCES syncline.connection ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

CREATE TABLE syncline.session (
    hash         bytea PRIMARY KEY,
    name         text NOT NULL CHECK (name <> ''),
    role         text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    connection   uuid REFERENCES syncline.connection ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL
);

CREATE TABLE syncline.fence (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    kind       text NOT NULL,
    mapping    text NOT NULL,
    number     bigint NOT NULL,
    PRIMARY KEY (connection, kind, mapping)
);

CREATE TABLE syncline.commit_pair (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    kind       text NOT NULL,
    mapping    text NOT NULL,
    counter    bigint NOT NULL,
    nonce      uuid NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection, kind, mapping)
) WITH (fillfactor = 50);

CREATE TABLE syncline.journal (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection  uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    batch       uuid NOT NULL,
    position    integer NOT NULL,
    log_id      bigint NOT NULL,
    txid        bigint NOT NULL,
    created_at  timestamptz,
    change_hash bytea NOT NULL,
    mapping     uuid NOT NULL,
    op          text NOT NULL,
    state       text NOT NULL DEFAULT 'sending' CHECK (state IN ('sending', 'accepted')),
    sfid        text NOT NULL DEFAULT '',
    success     boolean NOT NULL DEFAULT false,
    created     boolean NOT NULL DEFAULT false,
    code        text NOT NULL DEFAULT '',
    message     text NOT NULL DEFAULT '',
    sent_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_at timestamptz,
    CONSTRAINT journal_batch_position UNIQUE (batch, position)
);
CREATE INDEX journal_entry ON syncline.journal (connection, log_id);
CREATE INDEX journal_unanswered ON syncline.journal (connection, id) WHERE state = 'sending';
CREATE INDEX journal_sent_at ON syncline.journal (sent_at);

CREATE TABLE syncline.node (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    pid          integer NOT NULL,
    version      text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE syncline.turn (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    kind       text NOT NULL,
    mapping    text NOT NULL,
    generation bigint NOT NULL DEFAULT 1,
    job_id     bigint,
    node       uuid,
    started_at timestamptz,
    ended_at   timestamptz,
    next_at    timestamptz,
    wake_seq   bigint NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    PRIMARY KEY (connection, kind, mapping)
) WITH (fillfactor = 50);

CREATE TABLE syncline.lease (
    name       text PRIMARY KEY,
    owner      uuid,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE syncline.api_call (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    hour       timestamptz NOT NULL,
    mapping    text NOT NULL,
    kind       text NOT NULL,
    purpose    text NOT NULL,
    calls      bigint NOT NULL,
    PRIMARY KEY (connection, hour, mapping, kind, purpose)
) WITH (fillfactor = 70);

-- Calls that a ledger, one of a node's sessions, may have made beyond those counted.
CREATE TABLE syncline.api_block (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    ledger     uuid NOT NULL,
    calls      bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (connection, ledger)
) WITH (fillfactor = 50);

CREATE TABLE syncline.org_usage (
    connection uuid PRIMARY KEY REFERENCES syncline.connection ON DELETE CASCADE,
    used       bigint NOT NULL,
    allowed    bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE syncline.activity (
    connection     uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    mapping        uuid NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('to_salesforce', 'to_postgres')),
    minute         timestamptz NOT NULL,
    rows           bigint NOT NULL,
    errors         bigint NOT NULL,
    latency_count  bigint NOT NULL,
    latency_sum_ms double precision NOT NULL,
    latency_max_ms double precision NOT NULL,
    histogram      bigint[] NOT NULL,
    PRIMARY KEY (connection, mapping, direction, minute)
) WITH (fillfactor = 70);
CREATE INDEX activity_minute ON syncline.activity (minute);

CREATE TABLE syncline.load_progress (
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    mapping    uuid PRIMARY KEY REFERENCES syncline.mapping ON DELETE CASCADE,
    rows       bigint NOT NULL,
    bytes      bigint NOT NULL,
    total      bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE syncline.import_job (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    status     text NOT NULL,
    error      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX import_job_connection ON syncline.import_job (connection, created_at);

-- +goose Down
DROP TABLE syncline.import_job, syncline.load_progress, syncline.activity, syncline.org_usage,
    syncline.api_block, syncline.api_call, syncline.lease, syncline.turn, syncline.node, syncline.journal,
    syncline.commit_pair, syncline.fence, syncline.session, syncline.signin, syncline.token,
    syncline.event, syncline.audit, syncline.describe, syncline.mapping_count, syncline.mapping,
    syncline.connection_secret, syncline.connection, syncline.server;
DROP FUNCTION syncline.refuse_audit_change();
