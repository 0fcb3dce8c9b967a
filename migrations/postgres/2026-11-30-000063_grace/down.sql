ALTER TABLE client_secrets DROP COLUMN graced_at;
