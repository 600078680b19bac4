-- +goose Up

-- How often somebody has asked for a poll of the mapping alone.
ALTER TABLE syncline.mapping ADD COLUMN polls_asked bigint NOT NULL DEFAULT 0;
