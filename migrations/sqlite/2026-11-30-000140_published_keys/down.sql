DROP TABLE published_keys;
