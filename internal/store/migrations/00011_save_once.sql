-- +goose Up

-- The number of the newest save that is stored of a ledger: a save whose answer
-- was lost is sent again.
ALTER TABLE syncline.api_block ADD COLUMN seq bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE syncline.api_block DROP COLUMN seq;
