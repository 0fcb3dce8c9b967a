-- What was last read where others publish keys (`jwks_uri`, or `issuer` with a discovery document): a node that starts while
-- that place is away believes it, for what is left of a day.
CREATE TABLE published_keys (
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    jwks TEXT NOT NULL,
    read_at TIMESTAMP NOT NULL,
    PRIMARY KEY (kind, place)
);
