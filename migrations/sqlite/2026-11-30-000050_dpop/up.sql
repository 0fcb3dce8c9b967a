-- An application that gets tokens only with a DPoP proof (RFC 9449, section 5.2).
ALTER TABLE applications ADD COLUMN dpop_bound_access_tokens BOOLEAN NOT NULL DEFAULT FALSE;
