-- Nothing has used it: a reload marks the Ids that it has seen elsewhere.
DROP TABLE _syncline.seen;
