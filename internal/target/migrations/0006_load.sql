-- stripped_at says since when a table stands without its indexes and without
-- the status trigger on INSERT, for its first load.
ALTER TABLE _syncline.owned_table ADD COLUMN stripped_at timestamptz;

-- Unique indexes that the rows do not allow. Each has a stand-in that is not
-- unique.
CREATE TABLE _syncline.missing_index (
    schema_name   text NOT NULL,
    index_name    text NOT NULL,
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    table_name    text NOT NULL,
    column_name   text NOT NULL,
    stand_in      text NOT NULL,
    sample        text[] NOT NULL,
    since         timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schema_name, index_name)
);

-- Ids that a reload has seen; what the table has beside them is pruned.
CREATE TABLE _syncline.seen (
    connection_id uuid NOT NULL,
    mapping       uuid NOT NULL,
    sfid          text COLLATE "C" NOT NULL
);
