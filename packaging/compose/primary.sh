#!/bin/bash
# Runs once, when the primary's data folder is made: the standby may connect, and every commit waits for it from the next
# start on.
set -euo pipefail
password=$(cat "$POSTGRES_PASSWORD_FILE")
psql --set ON_ERROR_STOP=1 --set password="$password" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE replicator REPLICATION LOGIN PASSWORD :'password';
SELECT pg_create_physical_replication_slot('standby');
ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)';
SQL
echo 'host replication replicator all scram-sha-256' >> "$PGDATA/pg_hba.conf"
