DROP TABLE revoked_keys;
