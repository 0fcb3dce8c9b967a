-- Whether an application made the secret itself, in exchange for the one that it replaces.
ALTER TABLE client_secrets ADD COLUMN self_rotated BOOLEAN NOT NULL DEFAULT FALSE;
-- The first use of such a secret. Until there is one, it may be exchanged for another: its value was lost on the way.
ALTER TABLE client_secrets ADD COLUMN first_used_at TIMESTAMP;
-- When the secret was last exchanged, and its expiry before that.
ALTER TABLE client_secrets ADD COLUMN rotated_at TIMESTAMP;
ALTER TABLE client_secrets ADD COLUMN planned_expires_at TIMESTAMP;
CREATE INDEX client_secrets_by_replaced ON client_secrets (replaces) WHERE replaces IS NOT NULL;
