-- A version of the pepper is known before it is used; the highest one that was activated is.
ALTER TABLE pepper_checks ADD COLUMN activated_at TIMESTAMP;
UPDATE pepper_checks SET activated_at = '2026-11-30 00:00:00';

-- What must outlive a version that is removed, sealed under a newer one: the key of its audit events, for instance.
CREATE TABLE pepper_survivors (
    version INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (version, purpose)
);

-- What running nodes know, as they say every few seconds.
CREATE TABLE pepper_nodes (
    node TEXT PRIMARY KEY NOT NULL,
    host TEXT NOT NULL,
    versions TEXT NOT NULL,
    seen_at TIMESTAMP NOT NULL
);
