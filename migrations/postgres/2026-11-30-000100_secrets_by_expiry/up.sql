-- Lists show what was not deleted; what was must not be walked through on the way.
CREATE INDEX client_secrets_shown ON client_secrets (client_id, expires_at, id) WHERE deleted_at IS NULL;
-- How many were created within the last hour.
CREATE INDEX client_secrets_by_creation ON client_secrets (client_id, created_at);

-- Lower case as Unicode has it, whatever locale the database was made with: under `C` lower() knows ASCII alone.
-- Connections to SQLite bring a function of the same name.
DO $$
DECLARE
    chosen TEXT;
BEGIN
    SELECT quote_ident(collname) INTO chosen FROM pg_catalog.pg_collation
        WHERE collname IN ('und-x-icu', 'pg_c_utf8', 'C.utf8', 'en_US.utf8')
            AND collnamespace = 'pg_catalog'::regnamespace
            AND collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database WHERE datname = current_database()))
        ORDER BY array_position(ARRAY['und-x-icu', 'pg_c_utf8', 'C.utf8', 'en_US.utf8'], collname::TEXT)
        LIMIT 1;
    EXECUTE format(
        'CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT lower($1 COLLATE %s) $f$',
        coalesce('pg_catalog.' || chosen, '"default"')
    );
END $$;
