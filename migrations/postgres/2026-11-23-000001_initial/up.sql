-- One row: every change that bears on tokens bumps it in its own transaction, so versions are commit-ordered.
CREATE TABLE change_counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL,
    next_status_index BIGINT NOT NULL
);
INSERT INTO change_counter (id, version, next_status_index) VALUES (1, 0, 0);

-- What each version changed: an application, or (NULL) something that concerns all of them.
CREATE TABLE changes (
    version BIGINT PRIMARY KEY,
    client_id TEXT
);

CREATE TABLE pepper_checks (
    version INTEGER PRIMARY KEY,
    check_value BYTEA NOT NULL
);

CREATE TABLE organisations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    country_code TEXT NOT NULL,
    enabled BOOLEAN NOT NULL
);

CREATE TABLE applications (
    client_id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL UNIQUE,
    enabled BOOLEAN NOT NULL
);
CREATE INDEX applications_by_organisation ON applications (organisation_id);

CREATE TABLE resources (
    id TEXT PRIMARY KEY,
    uri TEXT UNIQUE,
    name TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('production', 'sandbox')),
    token_lifetime_seconds BIGINT CHECK (token_lifetime_seconds BETWEEN 60 AND 86400),
    signing_algorithm TEXT CHECK (signing_algorithm IN ('ES256', 'RS256')),
    UNIQUE (name, environment)
);

CREATE TABLE resource_roles (
    resource_id TEXT NOT NULL REFERENCES resources (id),
    role TEXT NOT NULL,
    PRIMARY KEY (resource_id, role)
);

CREATE TABLE permissions (
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    resource_id TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (client_id, resource_id, role),
    FOREIGN KEY (resource_id, role) REFERENCES resource_roles (resource_id, role)
);

-- A deleted secret keeps its row, so that its status index is never given to another one.
CREATE TABLE client_secrets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    pepper_version INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP,
    status_index BIGINT NOT NULL UNIQUE,
    last_used_at TIMESTAMP,
    last_used_from TEXT,
    last_used_with TEXT
);
CREATE INDEX client_secrets_by_client ON client_secrets (client_id);

CREATE TABLE token_counts (
    secret_id TEXT NOT NULL REFERENCES client_secrets (id),
    day DATE NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (secret_id, day)
);
