-- told_at is when people were told of a hold, by an event.
ALTER TABLE _syncline.hold ADD COLUMN told_at timestamptz;
UPDATE _syncline.hold SET told_at = held_at;
