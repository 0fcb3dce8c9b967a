-- A client assertion counts once, on all nodes and across restarts: whoever inserts its digest first has used it.
CREATE TABLE used_assertions (
    digest BYTEA PRIMARY KEY,
    until TIMESTAMP NOT NULL
);
CREATE INDEX used_assertions_by_end ON used_assertions (until);
