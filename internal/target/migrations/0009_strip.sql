-- The indexes that a stripped table lacks, so that it can be given them back
-- without its mapping or its org.
ALTER TABLE _syncline.owned_table ADD COLUMN stripped_indexes jsonb;
