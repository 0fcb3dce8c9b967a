DROP INDEX client_secrets_by_creation;
DROP INDEX client_secrets_shown;
