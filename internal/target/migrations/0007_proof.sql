-- The proofs of mappings, and what they found.

ALTER TABLE _syncline.drift
    ADD COLUMN record_id integer,
    ADD COLUMN cause     text NOT NULL DEFAULT 'unknown',
    ADD COLUMN seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN repair    text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX ON _syncline.drift (connection_id, mapping, (coalesce(sfid, record_id::text)))
    WHERE settled_at IS NULL;

-- The last proof of each kind; place and seen are how far one under way has
-- come.
CREATE TABLE _syncline.proof (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    proof         text NOT NULL CHECK (proof IN ('full', 'quick')),
    began_at      timestamptz,
    ended_at      timestamptz,
    equal         boolean NOT NULL DEFAULT false,
    rows          bigint NOT NULL DEFAULT 0,
    pending       bigint NOT NULL DEFAULT 0,
    failed_writes bigint NOT NULL DEFAULT 0,
    differences   bigint NOT NULL DEFAULT 0,
    calls         bigint NOT NULL DEFAULT 0,
    place         jsonb,
    seen          bytea,
    PRIMARY KEY (connection_id, mapping, proof)
);
