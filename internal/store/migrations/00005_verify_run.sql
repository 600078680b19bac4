-- +goose Up

-- Verifications that people asked for. One whose updated_at is old has died
-- with its process.
CREATE TABLE syncline.verify_run (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    status     text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    by         text NOT NULL,
    progress   jsonb,
    report     jsonb,
    error      text NOT NULL DEFAULT '',
    fix        text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX verify_run_newest ON syncline.verify_run (connection, created_at);
