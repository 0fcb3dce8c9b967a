ALTER TABLE audit_head DROP COLUMN seal;
ALTER TABLE audit_head DROP COLUMN seal_key_version;
ALTER TABLE audit_head DROP COLUMN sealed_sequence;
