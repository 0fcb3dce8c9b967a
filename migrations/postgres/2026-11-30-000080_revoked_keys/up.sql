-- Signing keys that leaked: no node signs with them or publishes them, whatever its folder holds. The successor, sealed
-- under the pepper, reaches nodes whose folder is a copy.
CREATE TABLE revoked_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    revoked_at TIMESTAMP NOT NULL,
    successor_file TEXT,
    successor BYTEA
);
