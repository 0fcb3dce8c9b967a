-- The secret that this one is to replace: by it every manager sees the same rotation. Rows of secrets are never removed.
ALTER TABLE client_secrets ADD COLUMN replaces TEXT;
