DROP INDEX client_secrets_by_leak_report;
ALTER TABLE client_secrets DROP COLUMN leak_reported_from;
ALTER TABLE client_secrets DROP COLUMN leak_reported_at;
