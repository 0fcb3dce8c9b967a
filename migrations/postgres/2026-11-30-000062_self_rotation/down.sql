DROP INDEX client_secrets_by_replaced;
ALTER TABLE client_secrets DROP COLUMN planned_expires_at;
ALTER TABLE client_secrets DROP COLUMN rotated_at;
ALTER TABLE client_secrets DROP COLUMN first_used_at;
ALTER TABLE client_secrets DROP COLUMN self_rotated;
