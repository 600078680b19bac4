-- +goose Up

-- Sealed by the nodes that run: one with other keys can't open it.
ALTER TABLE syncline.server ADD COLUMN key_check bytea;

-- +goose Down
ALTER TABLE syncline.server DROP COLUMN key_check;
