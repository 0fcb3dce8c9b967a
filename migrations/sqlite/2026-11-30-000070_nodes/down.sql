ALTER TABLE change_counter DROP COLUMN raised_lease_ms;
DROP TABLE nodes;
