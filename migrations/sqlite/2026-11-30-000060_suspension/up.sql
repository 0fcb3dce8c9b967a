-- Until this instant a credential is refused, and its tokens with it; what lies in the past is over.
ALTER TABLE client_secrets ADD COLUMN suspended_until TIMESTAMP;
-- When it was last presented during a suspension: a system still needs it.
ALTER TABLE client_secrets ADD COLUMN tried_while_suspended_at TIMESTAMP;

-- Mails about something that happened to a secret: which one, and who did it.
ALTER TABLE mails ADD COLUMN secret_id TEXT;
ALTER TABLE mails ADD COLUMN actor TEXT;

-- Further kinds of mails; what is allowed is known to the program alone from here on.
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    'CHECK (kind IN (''reminders'', ''password_changed'', ''authenticator_changed'', ''recovery_codes_replaced'', ''identity_bound'', ''invitation'', ''reset'', ''sign_in_blocked'', ''sign_in_blocked_of''))',
    'CHECK (length(kind) > 0)')
    WHERE type = 'table' AND name = 'mails';
PRAGMA writable_schema = RESET;
