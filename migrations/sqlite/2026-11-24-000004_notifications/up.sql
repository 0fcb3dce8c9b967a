-- How far the reminders of a secret have come: the smallest threshold, in days, that was dealt with. -1: it was told that
-- the secret is tried after its expiry.
ALTER TABLE client_secrets ADD COLUMN reminded_days INTEGER NOT NULL DEFAULT 100000;
-- When its value was last presented after the expiry.
ALTER TABLE client_secrets ADD COLUMN tried_after_expiry_at TIMESTAMP;
CREATE INDEX client_secrets_to_remind ON client_secrets (expires_at, reminded_days, id) WHERE deleted_at IS NULL;
CREATE INDEX client_secrets_tried ON client_secrets (tried_after_expiry_at) WHERE tried_after_expiry_at IS NOT NULL;

-- Mails to be sent. A node claims one by a conditional update; a claim ends by itself.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reminders', 'password_changed', 'authenticator_changed')),
    digest_day DATE,
    created_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'suppressed')),
    state_at TIMESTAMP NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP NOT NULL,
    claimed_until TIMESTAMP,
    last_error TEXT,
    UNIQUE (recipient, digest_day)
);
CREATE INDEX mails_to_send ON mails (due_at) WHERE state = 'pending';

-- What is told to whom about a secret: once per threshold and recipient. Without a mail it was never to be sent.
CREATE TABLE reminders (
    secret_id TEXT NOT NULL REFERENCES client_secrets (id),
    threshold_days INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reminder', 'please_delete', 'expired', 'still_tried', 'withdrawn')),
    mail_id TEXT REFERENCES mails (id),
    suppressed BOOLEAN NOT NULL,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (secret_id, threshold_days, recipient)
);
CREATE INDEX reminders_by_mail ON reminders (mail_id);

-- Without a row a person gets everything.
CREATE TABLE mail_preferences (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    urgent_only BOOLEAN NOT NULL
);

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    signing_key BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX webhooks_by_organisation ON webhooks (organisation_id);

CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    event TEXT NOT NULL,
    secret_id TEXT NOT NULL REFERENCES client_secrets (id),
    created_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'suppressed')),
    state_at TIMESTAMP NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP NOT NULL,
    claimed_until TIMESTAMP,
    last_error TEXT
);
CREATE INDEX webhook_deliveries_to_send ON webhook_deliveries (due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id);
