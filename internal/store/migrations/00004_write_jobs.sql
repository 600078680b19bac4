-- +goose Up
-- The Bulk job of a call: stored before the job gets any data, so that whoever
-- takes over can ask the org what became of it. at is when a turn that still
-- held its fence last said that it goes on with the job.
CREATE TABLE syncline.journal_job (
    batch      uuid PRIMARY KEY,
    connection uuid NOT NULL REFERENCES syncline.connection ON DELETE CASCADE,
    job        text NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX journal_job_connection ON syncline.journal_job (connection);
CREATE INDEX journal_job_at ON syncline.journal_job (at);

-- +goose Down
DROP TABLE syncline.journal_job;
