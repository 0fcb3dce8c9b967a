-- Which algorithms there are is oauth2_types::algorithm's to say: a new one needs no migration. A check goes with its column.
ALTER TABLE resources ADD COLUMN any_signing_algorithm TEXT;
UPDATE resources SET any_signing_algorithm = signing_algorithm;
ALTER TABLE resources DROP COLUMN signing_algorithm;
ALTER TABLE resources RENAME COLUMN any_signing_algorithm TO signing_algorithm;
