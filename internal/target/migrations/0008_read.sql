-- A record that the database refuses has one read error. The column's and
-- constraint's names are what the database said.

ALTER TABLE _syncline.read_error
    ADD COLUMN column_name text,
    ADD COLUMN constraint_name text,
    ADD COLUMN last_at timestamptz NOT NULL DEFAULT clock_timestamp();
DROP INDEX _syncline.read_error_connection_id_mapping_sfid_idx;
CREATE UNIQUE INDEX ON _syncline.read_error (connection_id, mapping, sfid);

-- How far the comparison of all Ids of a mapping has come. view is a hash of
-- what decides which records are visible: the user, the filter.

CREATE TABLE _syncline.reconcile (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    view          text,
    strict        text,
    started_at    timestamptz,
    done_at       timestamptz,
    detail        jsonb,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, mapping)
);

-- Rows whose record was not found. version is the row's (xmin) when that was
-- first so; tries counts the looks that confirmed it.

CREATE TABLE _syncline.missing (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    sfid          text NOT NULL,
    version       text NOT NULL,
    since         timestamptz NOT NULL DEFAULT clock_timestamp(),
    looked_at     timestamptz,
    tries         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (connection_id, mapping, sfid)
);
