-- What Syncline keeps in the user's database, beside the connection's schema.
-- Every key starts with the connection: several may share one database.

CREATE TABLE _syncline.owner (
    connection_id     uuid PRIMARY KEY,
    control_id        uuid NOT NULL,
    schema_name       text NOT NULL,
    system_identifier text,
    timeline          integer,
    database_oid      bigint,
    generation        bigint NOT NULL DEFAULT 0,
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE _syncline.fence (
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    mapping       text NOT NULL DEFAULT '',
    number        bigint NOT NULL,
    PRIMARY KEY (connection_id, kind, mapping)
);

-- The counter is one sequence for all, so that transactions of one fence that
-- overlap wait for nothing.
CREATE TABLE _syncline.commit (
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    mapping       text NOT NULL DEFAULT '',
    counter       bigint GENERATED ALWAYS AS IDENTITY,
    nonce         uuid NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, kind, mapping, counter)
);

CREATE FUNCTION _syncline.check_fence(uuid, text, text, bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM _syncline.fence f
     WHERE f.connection_id = $1 AND f.kind = $2 AND f.mapping = $3 AND f.number = $4
       FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'SYF01',
            MESSAGE = pg_catalog.format('fence %s is not at %s', $2, $4);
    END IF;
END
$$;

CREATE TABLE _syncline.mark (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    phase         text NOT NULL CHECK (phase IN ('load', 'poll')),
    stamp         timestamptz,
    last_id       text,
    sweep         timestamptz,
    load_upper    timestamptz,
    rows          bigint NOT NULL DEFAULT 0,
    bytes         bigint NOT NULL DEFAULT 0,
    total         bigint,
    load_started  timestamptz,
    loaded_at     timestamptz,
    polled_at     timestamptz,
    detail        jsonb,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, mapping)
);

CREATE TABLE _syncline.deferred (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    sfid          text NOT NULL,
    reason        text,
    since         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, mapping, sfid)
);

CREATE TABLE _syncline.owned_table (
    connection_id uuid NOT NULL,
    schema_name   text NOT NULL,
    table_name    text NOT NULL,
    mapping       uuid,
    PRIMARY KEY (schema_name, table_name)
);

CREATE TABLE _syncline.intent (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id  uuid NOT NULL,
    batch          uuid NOT NULL,
    position       integer NOT NULL,
    mapping        uuid NOT NULL,
    table_name     text NOT NULL,
    log_id         integer NOT NULL,
    log_txid       bigint,
    log_created_at timestamptz,
    change_hash    bytea,
    record_id      integer,
    sfid           text,
    external_id    text,
    op             text NOT NULL,
    object         text NOT NULL,
    body           text,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'unknown', 'settled')),
    claimed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    send_before    timestamptz,
    sent_at        timestamptz,
    settled_at     timestamptz
);
CREATE INDEX ON _syncline.intent (connection_id, state);
CREATE INDEX ON _syncline.intent (connection_id, batch);
CREATE INDEX ON _syncline.intent (connection_id, table_name, record_id);
CREATE INDEX ON _syncline.intent (connection_id, table_name, settled_at);

CREATE TABLE _syncline.base (
    connection_id uuid NOT NULL,
    table_name    text NOT NULL,
    record_id     integer NOT NULL,
    column_name   text NOT NULL,
    base          text,
    theirs        text,
    seen          boolean NOT NULL DEFAULT false,
    log_id        integer,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, table_name, record_id, column_name)
);

CREATE TABLE _syncline.conflict (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    table_name    text NOT NULL,
    record_id     integer,
    sfid          text,
    column_name   text NOT NULL,
    base          text,
    ours          text,
    theirs        text,
    winner        text NOT NULL,
    policy        text NOT NULL,
    log_id        integer,
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON _syncline.conflict (connection_id, mapping, at);

CREATE TABLE _syncline.read_error (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    sfid          text,
    record        text,
    code          text,
    message       text,
    attempts      integer NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at       timestamptz
);
CREATE INDEX ON _syncline.read_error (connection_id, mapping, sfid);

CREATE TABLE _syncline.drift (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    sfid          text,
    kind          text NOT NULL,
    columns       text[],
    found_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at    timestamptz,
    how           text
);
CREATE INDEX ON _syncline.drift (connection_id, mapping, found_at);
