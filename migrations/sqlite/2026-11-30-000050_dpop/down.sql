ALTER TABLE applications DROP COLUMN dpop_bound_access_tokens;
