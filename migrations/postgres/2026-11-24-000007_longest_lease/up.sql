-- The longest lease of any node that ever polled: what a DELETE waits.
ALTER TABLE change_counter ADD COLUMN longest_lease_ms BIGINT NOT NULL DEFAULT 0;
