-- Where and by what program a session was opened; none for those of an older version.
ALTER TABLE sessions ADD COLUMN source TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;

-- The account that attempts to sign in were for, so that a reset lifts its lock-out.
ALTER TABLE sign_in_attempts ADD COLUMN account BLOB;
CREATE INDEX sign_in_attempts_by_account ON sign_in_attempts (account);

-- What only the recipient may read, such as an enrolment link; sealed, and gone once the mail is.
ALTER TABLE mails ADD COLUMN sealed BLOB;

-- Further kinds of mails. SQLite changes a CHECK by its text (https://www.sqlite.org/lang_altertable.html, section 7);
-- RESET makes this connection read it anew, the CREATE TABLE that follows every other.
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    'CHECK (kind IN (''reminders'', ''password_changed'', ''authenticator_changed''))',
    'CHECK (kind IN (''reminders'', ''password_changed'', ''authenticator_changed'', ''recovery_codes_replaced'', ''identity_bound'', ''invitation'', ''reset'', ''sign_in_blocked'', ''sign_in_blocked_of''))')
    WHERE type = 'table' AND name = 'mails';
PRAGMA writable_schema = RESET;

-- Concerns that the WMDA team does not want to see for a while.
CREATE TABLE snoozed_concerns (
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    kind TEXT NOT NULL,
    until TIMESTAMP NOT NULL,
    PRIMARY KEY (client_id, kind)
);
