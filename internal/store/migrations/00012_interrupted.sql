-- +goose Up

-- A verification may end with the node that made it.
ALTER TABLE syncline.verify_run DROP CONSTRAINT verify_run_status_check,
    ADD CONSTRAINT verify_run_status_check CHECK (status IN ('running', 'done', 'failed', 'interrupted'));

-- +goose Down
UPDATE syncline.verify_run SET status = 'failed' WHERE status = 'interrupted';
ALTER TABLE syncline.verify_run DROP CONSTRAINT verify_run_status_check,
    ADD CONSTRAINT verify_run_status_check CHECK (status IN ('running', 'done', 'failed'));
