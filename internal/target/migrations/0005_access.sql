-- What the writer has seen each mapping to be: a table that turned read-only
-- may have changes in the log from before.

CREATE TABLE _syncline.access (
    connection_id   uuid NOT NULL,
    mapping         uuid NOT NULL,
    access          text NOT NULL,
    read_only_since timestamptz,
    PRIMARY KEY (connection_id, mapping)
);
