DROP INDEX mails_by_recipient;
DROP INDEX mails_joined;
ALTER TABLE mails DROP COLUMN joined_to;
