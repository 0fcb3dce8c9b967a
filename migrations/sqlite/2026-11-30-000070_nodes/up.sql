-- The nodes of this database: each counts its beats while it lives. A change waits the leases of those that do.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY NOT NULL,
    lease_ms BIGINT NOT NULL,
    beats BIGINT NOT NULL,
    seen_at TIMESTAMP NOT NULL
);
-- What longest_lease_ms was raised to by nodes that beat, for the sake of those of version 0.1, which don't.
ALTER TABLE change_counter ADD COLUMN raised_lease_ms BIGINT NOT NULL DEFAULT 0;
