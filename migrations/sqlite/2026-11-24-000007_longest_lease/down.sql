ALTER TABLE change_counter DROP COLUMN longest_lease_ms;
