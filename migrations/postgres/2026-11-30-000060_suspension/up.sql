-- Until this instant a credential is refused, and its tokens with it; what lies in the past is over.
ALTER TABLE client_secrets ADD COLUMN suspended_until TIMESTAMP;
-- When it was last presented during a suspension: a system still needs it.
ALTER TABLE client_secrets ADD COLUMN tried_while_suspended_at TIMESTAMP;

-- Mails about something that happened to a secret: which one, and who did it.
ALTER TABLE mails ADD COLUMN secret_id TEXT;
ALTER TABLE mails ADD COLUMN actor TEXT;

-- Further kinds of mails; what is allowed is known to the program alone from here on.
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
