DROP INDEX client_secrets_by_deletion;
DROP INDEX webhook_deliveries_by_state;
DROP INDEX mails_by_state;
DROP INDEX token_counts_by_day;
