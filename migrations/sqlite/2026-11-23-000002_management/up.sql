CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    organisation_id TEXT REFERENCES organisations (id),
    roles TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    password_hash TEXT,
    totp_secret BLOB,
    totp_last_step BIGINT NOT NULL,
    identity_issuer TEXT,
    identity_subject TEXT,
    UNIQUE (identity_issuer, identity_subject)
);

CREATE TABLE recovery_codes (
    digest BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- A person has at most one open enrolment; a new one replaces it.
CREATE TABLE enrolments (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    digest BLOB NOT NULL UNIQUE,
    expires_at TIMESTAMP NOT NULL,
    keeps_totp BOOLEAN NOT NULL,
    password_hash TEXT,
    totp_secret BLOB
);

CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

-- Attempts to sign in, counted before anything is checked.
CREATE TABLE sign_in_attempts (
    subject BLOB PRIMARY KEY,
    window_began_at TIMESTAMP NOT NULL,
    attempts BIGINT NOT NULL
);

CREATE TABLE credential_managers (
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    user_id TEXT NOT NULL REFERENCES users (id),
    confirmed_by TEXT NOT NULL,
    confirmed_at TIMESTAMP NOT NULL,
    assigned_by TEXT NOT NULL,
    PRIMARY KEY (client_id, user_id)
);
CREATE INDEX credential_managers_by_user ON credential_managers (user_id);

CREATE INDEX client_secrets_by_expiry ON client_secrets (client_id, expires_at, id);
DROP INDEX client_secrets_by_client;

-- Each row is chained to the one before by a keyed hash; the head row orders those who append.
CREATE TABLE audit_events (
    sequence BIGINT PRIMARY KEY,
    at TIMESTAMP NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    key_version INTEGER NOT NULL,
    mac BLOB NOT NULL
);
CREATE INDEX audit_events_by_object ON audit_events (object, sequence);
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    mac BLOB NOT NULL
);
INSERT INTO audit_head (id, sequence, mac) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_events_are_never_changed BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_events_are_never_deleted BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
