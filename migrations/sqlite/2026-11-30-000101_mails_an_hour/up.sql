-- The mail of the same recipient that this one's matter is sent with.
ALTER TABLE mails ADD COLUMN joined_to TEXT;
CREATE INDEX mails_joined ON mails (joined_to) WHERE joined_to IS NOT NULL;
-- How many a recipient got within the last hour.
CREATE INDEX mails_by_recipient ON mails (recipient, state, state_at);
