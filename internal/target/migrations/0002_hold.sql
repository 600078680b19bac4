-- The brake: mass deletions that wait for a person's decision. Of each mapping
-- and direction at most one is undecided.

CREATE TABLE _syncline.hold (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    direction     text NOT NULL CHECK (direction IN ('read', 'write')),
    reason        text NOT NULL,
    rows          bigint NOT NULL,
    of            bigint NOT NULL,
    sample        text[] NOT NULL DEFAULT '{}',
    held_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    decision      text CHECK (decision IN ('release', 'discard', 'lapse')),
    released_at   timestamptz,
    released_by   text,
    spent_at      timestamptz
);
CREATE UNIQUE INDEX ON _syncline.hold (connection_id, mapping, direction) WHERE decision IS NULL;
CREATE INDEX ON _syncline.hold (connection_id, mapping, direction, id);
