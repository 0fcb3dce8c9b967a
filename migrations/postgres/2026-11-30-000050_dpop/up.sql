-- An application that gets tokens only with a DPoP proof (RFC 9449, section 5.2).
ALTER TABLE applications ADD COLUMN dpop_bound_access_tokens BOOLEAN NOT NULL DEFAULT FALSE;

-- Proofs that were used, by a hash of their key and jti, until nobody would accept them any more.
CREATE TABLE used_proofs (
    digest BYTEA PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX used_proofs_by_expiry ON used_proofs (expires_at);
