DELETE FROM mails WHERE secret_id IS NOT NULL OR kind NOT IN ('reminders', 'password_changed', 'authenticator_changed', 'recovery_codes_replaced', 'identity_bound', 'invitation', 'reset', 'sign_in_blocked', 'sign_in_blocked_of');
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    'CHECK (length(kind) > 0)',
    'CHECK (kind IN (''reminders'', ''password_changed'', ''authenticator_changed'', ''recovery_codes_replaced'', ''identity_bound'', ''invitation'', ''reset'', ''sign_in_blocked'', ''sign_in_blocked_of''))')
    WHERE type = 'table' AND name = 'mails';
PRAGMA writable_schema = RESET;
ALTER TABLE mails DROP COLUMN actor;
ALTER TABLE mails DROP COLUMN secret_id;
ALTER TABLE client_secrets DROP COLUMN tried_while_suspended_at;
ALTER TABLE client_secrets DROP COLUMN suspended_until;
