DROP TABLE used_proofs;
ALTER TABLE applications DROP COLUMN dpop_bound_access_tokens;
