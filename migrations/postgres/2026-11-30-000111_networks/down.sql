DROP TABLE token_hours;
DROP TABLE seen_networks;
ALTER TABLE applications DROP COLUMN allowed_networks;
ALTER TABLE applications DROP COLUMN networks_mode;
