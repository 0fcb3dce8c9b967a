DROP INDEX client_secrets_by_hint;
