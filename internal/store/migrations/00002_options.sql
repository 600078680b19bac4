-- +goose Up

-- Settings that Heroku Connect has no key for; what is at its default is left
-- out.
ALTER TABLE syncline.connection ADD COLUMN options jsonb NOT NULL DEFAULT '{}';
ALTER TABLE syncline.mapping ADD COLUMN options jsonb NOT NULL DEFAULT '{}';
