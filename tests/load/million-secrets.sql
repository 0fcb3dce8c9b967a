-- A million live secrets of ten thousand applications, for `psql -f` on a Postgres database that `wmda-auth migrate` has
-- prepared. They expire evenly over the coming year and are told of up to now, except for what one pass after a quiet hour
-- finds: those that reached a threshold within the last hour.
INSERT INTO organisations (id, name, country_code, enabled)
SELECT gen_random_uuid()::text, 'Load ' || n, 'NL', true FROM generate_series(1, 100) n;
INSERT INTO applications (client_id, organisation_id, name, enabled)
SELECT gen_random_uuid()::text, o.id, 'Partner-NL-Load' || o.row || 'x' || n || '-SMC', true
FROM (SELECT id, row_number() OVER () AS row FROM organisations WHERE name LIKE 'Load %') o, generate_series(1, 100) n;
INSERT INTO client_secrets (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
SELECT gen_random_uuid()::text, a.client_id, 'load', 'abc', sha256((a.row * 100 + n)::text::bytea), 1, 'load',
       now() - interval '365 days' + (a.row * 100 + n) * interval '31.536 seconds',
       now() + (a.row * 100 + n) * interval '31.536 seconds', 1000000000 + a.row * 100 + n
FROM (SELECT client_id, row_number() OVER () AS row FROM applications WHERE name LIKE 'Partner-NL-Load%') a, generate_series(1, 100) n;
UPDATE client_secrets SET reminded_days = t.days
FROM (VALUES (60, 30), (30, 14), (14, 7), (7, 3), (3, 1), (1, 0)) AS t (days, next)
WHERE name = 'load' AND expires_at <= now() + t.days * interval '1 day' - interval '1 hour'
  AND expires_at > now() + t.next * interval '1 day' - interval '1 hour';
ANALYZE;
