-- Refused requests, for who has to explain them. Repetitions of one day are one row, whose id follows from what they have in
-- common. `kind` says in whose share of rows it counts: of the holders of credentials, of an application, of nobody known.
CREATE TABLE refusals (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    client_id TEXT,
    credential_id TEXT,
    cause TEXT NOT NULL,
    route TEXT NOT NULL,
    network TEXT NOT NULL,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    resource TEXT,
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    trace_id TEXT NOT NULL,
    last_trace_id TEXT NOT NULL,
    times BIGINT NOT NULL
);
CREATE INDEX refusals_by_client ON refusals (client_id, last_at);
CREATE INDEX refusals_by_kind ON refusals (kind, last_at);
CREATE INDEX refusals_by_network ON refusals (network);
CREATE INDEX refusals_by_time ON refusals (last_at);
CREATE INDEX refusals_by_trace ON refusals (trace_id);

-- The latest requests of each of them, by which they are found; the slots are used in turn.
CREATE TABLE refusal_traces (
    refusal_id TEXT NOT NULL REFERENCES refusals (id) ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (refusal_id, slot)
);
CREATE INDEX refusal_traces_by_trace ON refusal_traces (trace_id);
