-- The networks that an application's credentials work from, separated by spaces, and what they mean: off, report or enforce.
ALTER TABLE applications ADD COLUMN networks_mode TEXT NOT NULL DEFAULT 'off';
ALTER TABLE applications ADD COLUMN allowed_networks TEXT NOT NULL DEFAULT '';

-- From where an application got its tokens; an IPv6 address counts as its network of 64 bits.
CREATE TABLE seen_networks (
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    network TEXT NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (client_id, network)
);
CREATE INDEX seen_networks_by_time ON seen_networks (last_at);

-- How many tokens an application got in an hour, for the last days.
CREATE TABLE token_hours (
    client_id TEXT NOT NULL REFERENCES applications (client_id),
    hour TIMESTAMP NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (client_id, hour)
);
CREATE INDEX token_hours_by_time ON token_hours (hour);
