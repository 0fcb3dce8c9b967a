DROP TABLE pepper_nodes;
DROP TABLE pepper_survivors;
ALTER TABLE pepper_checks DROP COLUMN activated_at;
