-- The end of the trail is sealed under a key of its own: how many events it holds and the last one's link, up to which event, and
-- under which version of the pepper. An older version leaves these as they are: the next event of a newer one moves them on.
ALTER TABLE audit_head ADD COLUMN sealed_sequence BIGINT;
ALTER TABLE audit_head ADD COLUMN seal_key_version INTEGER;
ALTER TABLE audit_head ADD COLUMN seal BYTEA;
