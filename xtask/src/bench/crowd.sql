-- Applications with a grant and secrets each, for `cargo xtask bench`; crowd.py fills in the numbers and has the function `digest`.
PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {applications})
    SELECT n, printf('00000000-0000-4000-8000-%012d', n) AS id FROM counted;
CREATE TEMP TABLE places AS
    WITH RECURSIVE counted (p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM counted WHERE p < {secrets}) SELECT p FROM counted;
INSERT INTO applications (client_id, organisation_id, name, enabled)
    SELECT numbers.id, organisations.id, 'Partner-NL-Crowd' || n || '-SMC', TRUE
    FROM numbers, (SELECT id FROM organisations LIMIT 1) AS organisations;
INSERT INTO permissions (client_id, resource_id, role)
    SELECT numbers.id, granted.resource_id, granted.role
    FROM numbers, (SELECT resource_id, role FROM resource_roles
        WHERE resource_id = 'f6d78a69-c840-46a2-941b-a0e08f9296e7' LIMIT 1) AS granted;
INSERT INTO client_secrets
    (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
    SELECT printf('00000000-0000-4000-8%03d-%012d', p, n), numbers.id, 'crowd ' || p, 'abc', digest(numbers.id, p), 1, 'load',
        datetime('now'), datetime('now', '+1 year'), next_status_index + n * {secrets} + p
    FROM numbers, places, change_counter;
UPDATE change_counter SET next_status_index = next_status_index + ({applications} + 2) * {secrets};
COMMIT;
