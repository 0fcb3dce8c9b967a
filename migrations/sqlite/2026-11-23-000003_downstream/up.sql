-- Downstream APIs that may call introspection, each for its own resources.
CREATE TABLE resource_servers (
    client_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    pepper_version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE resource_server_resources (
    client_id TEXT NOT NULL REFERENCES resource_servers (client_id),
    resource_id TEXT NOT NULL REFERENCES resources (id),
    PRIMARY KEY (client_id, resource_id)
);

-- Tokens revoked one by one, until they would have expired anyway.
CREATE TABLE revoked_tokens (
    jti TEXT PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);
