DROP TABLE snoozed_concerns;
ALTER TABLE mails DROP COLUMN sealed;
DROP INDEX sign_in_attempts_by_account;
ALTER TABLE sign_in_attempts DROP COLUMN account;
ALTER TABLE sessions DROP COLUMN user_agent;
ALTER TABLE sessions DROP COLUMN source;
