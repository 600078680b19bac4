-- +goose Up

-- How far a load had come at two moments of the last minute, which gives its
-- rate: base is at least half a minute old once the load is, recent is newer.
ALTER TABLE syncline.load_progress
    ADD COLUMN base_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN base_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN base_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN recent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN recent_rows bigint NOT NULL DEFAULT 0,
    ADD COLUMN recent_bytes bigint NOT NULL DEFAULT 0;
