DELETE FROM token_counts WHERE secret_id IN (SELECT id FROM client_secrets WHERE kind <> 'secret');
DELETE FROM reminders WHERE secret_id IN (SELECT id FROM client_secrets WHERE kind <> 'secret');
DELETE FROM webhook_deliveries WHERE secret_id IN (SELECT id FROM client_secrets WHERE kind <> 'secret');
DELETE FROM client_secrets WHERE kind <> 'secret';
ALTER TABLE client_secrets DROP COLUMN material;
ALTER TABLE client_secrets DROP COLUMN kind;
ALTER TABLE applications DROP COLUMN profile;
