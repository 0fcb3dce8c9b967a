#!/bin/bash
# A copy of the primary at the first start, a standby from then on.
set -euo pipefail
data=${PGDATA:-/var/lib/postgresql/data}
if [ ! -s "$data/PG_VERSION" ]; then
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    pg_basebackup --pgdata "$data" --wal-method stream --slot standby --write-recovery-conf \
        --dbname "host=${PRIMARY_HOST:-postgres} port=${PRIMARY_PORT:-5432} user=replicator application_name=standby"
    chmod 0700 "$data"
fi
exec postgres -D "$data" "$@"
