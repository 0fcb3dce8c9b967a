DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DROP TABLE mail_preferences;
DROP TABLE reminders;
DROP TABLE mails;
DROP INDEX client_secrets_tried;
DROP INDEX client_secrets_to_remind;
ALTER TABLE client_secrets DROP COLUMN tried_after_expiry_at;
ALTER TABLE client_secrets DROP COLUMN reminded_days;
