-- When the secret was first reported as leaked, and from which address: whoever looks at it must see that.
ALTER TABLE client_secrets ADD COLUMN leak_reported_at TIMESTAMP;
ALTER TABLE client_secrets ADD COLUMN leak_reported_from TEXT;
CREATE INDEX client_secrets_by_leak_report ON client_secrets (leak_reported_at) WHERE leak_reported_at IS NOT NULL;
