DROP TABLE refusal_traces;
DROP TABLE refusals;
