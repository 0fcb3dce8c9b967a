-- Lists show what was not deleted; what was must not be walked through on the way.
CREATE INDEX client_secrets_shown ON client_secrets (client_id, expires_at, id) WHERE deleted_at IS NULL;
-- How many were created within the last hour.
CREATE INDEX client_secrets_by_creation ON client_secrets (client_id, created_at);
