-- When the WMDA team granted the secret a grace: once, and never again.
ALTER TABLE client_secrets ADD COLUMN graced_at TIMESTAMP;
