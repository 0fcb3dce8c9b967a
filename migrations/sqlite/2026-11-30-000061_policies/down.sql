ALTER TABLE applications DROP COLUMN self_rotation;
DROP TABLE organisation_policies;
