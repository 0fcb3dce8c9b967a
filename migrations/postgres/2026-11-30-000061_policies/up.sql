-- What the WMDA team demands of an organisation; without a row, what goes for all. Null is no demand of its own.
CREATE TABLE organisation_policies (
    organisation_id TEXT PRIMARY KEY REFERENCES organisations (id),
    max_lifetime_days INTEGER,
    max_live_secrets BIGINT,
    keys_only BOOLEAN NOT NULL,
    self_rotation TEXT NOT NULL CHECK (self_rotation IN ('off', 'allowed', 'required')),
    networks_required BOOLEAN NOT NULL,
    on_leak TEXT NOT NULL CHECK (on_leak IN ('suspend', 'delete'))
);
-- Whether its managers let an application exchange its secrets by itself.
ALTER TABLE applications ADD COLUMN self_rotation BOOLEAN NOT NULL DEFAULT FALSE;
