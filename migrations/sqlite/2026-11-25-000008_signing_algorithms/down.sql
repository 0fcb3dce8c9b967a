ALTER TABLE resources ADD COLUMN checked_signing_algorithm TEXT
    CHECK (checked_signing_algorithm IN ('ES256', 'RS256'));
UPDATE resources SET checked_signing_algorithm = signing_algorithm WHERE signing_algorithm IN ('ES256', 'RS256');
ALTER TABLE resources DROP COLUMN signing_algorithm;
ALTER TABLE resources RENAME COLUMN checked_signing_algorithm TO signing_algorithm;
