-- A report names a secret by its value alone: its first characters lead to the few that begin alike.
CREATE INDEX client_secrets_by_hint ON client_secrets (hint);
