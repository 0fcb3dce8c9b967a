-- A million applications with a grant and a secret each, for `cargo xtask bench`, which puts another number in place of 1000000.
PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 1000000)
    SELECT n, printf('00000000-0000-4000-8000-%012d', n) AS id FROM counted;
INSERT INTO applications (client_id, organisation_id, name, enabled)
    SELECT numbers.id, organisations.id, 'Partner-NL-Crowd' || n || '-SMC', TRUE
    FROM numbers, (SELECT id FROM organisations LIMIT 1) AS organisations;
INSERT INTO permissions (client_id, resource_id, role)
    SELECT numbers.id, granted.resource_id, granted.role
    FROM numbers, (SELECT resource_id, role FROM resource_roles LIMIT 1) AS granted;
INSERT INTO client_secrets
    (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
    SELECT numbers.id, numbers.id, 'crowd', 'abc', randomblob(32), 1, 'load', datetime('now'), datetime('now', '+1 year'),
        next_status_index + n
    FROM numbers, change_counter;
UPDATE change_counter SET next_status_index = next_status_index + 1000000 + 1;
COMMIT;
