-- Which algorithms there are is oauth2_types::algorithm's to say: a new one needs no migration.
ALTER TABLE resources DROP CONSTRAINT resources_signing_algorithm_check;
