-- A credential is a secret, a key or a federated identity. The table keeps its name, for versions before run beside this one; they know
-- secrets alone, and match nothing that is presented against the digest of another kind.
ALTER TABLE client_secrets ADD COLUMN kind TEXT NOT NULL DEFAULT 'secret' CHECK (kind IN ('secret', 'key', 'federated'));
-- What is public of a key or a federated identity, as JSON.
ALTER TABLE client_secrets ADD COLUMN material TEXT;
-- What an application must do beyond the standard: fapi2 is keys only.
ALTER TABLE applications ADD COLUMN profile TEXT NOT NULL DEFAULT 'standard' CHECK (profile IN ('standard', 'fapi2'));
