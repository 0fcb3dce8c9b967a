-- What is old is found without reading what is not: retention, and what operators count.
CREATE INDEX token_counts_by_day ON token_counts (day);
CREATE INDEX mails_by_state ON mails (state, state_at);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (state, state_at);
CREATE INDEX client_secrets_by_deletion ON client_secrets (deleted_at) WHERE deleted_at IS NOT NULL;
