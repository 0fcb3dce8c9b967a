//! Prometheus metrics: requests by route, tokens by kind, refusals by cause, and whether the client cache holds a
//! lease. Label values are bounded; none comes from a request.

use std::time::Duration;

use domain::resource::SigningAlgorithm;
pub use prometheus::TEXT_FORMAT;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    register_histogram_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
};

/// Latency buckets in seconds: the token path takes well under a millisecond, a DELETE waits out one lease.
const BUCKETS: [f64; 12] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 2.5, 10.0,
];

/// The metrics of one server process.
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    issued: IntCounterVec,
    refused: IntCounterVec,
    lease: IntGauge,
    usage: IntGauge,
    unrecorded: IntCounter,
    lines: IntCounterVec,
    flushes_failed: IntCounter,
}

impl Metrics {
    /// Registers all metrics, at zero.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = HistogramOpts::new(
            "wmda_auth_http_request_duration_seconds",
            "Requests, by route, method and status.",
        );
        let issued = Opts::new(
            "wmda_auth_tokens_issued_total",
            "Tokens, by kind and signing algorithm.",
        );
        let refused = Opts::new(
            "wmda_auth_refusals_total",
            "Refusals at the OAuth endpoints, by cause.",
        );
        Ok(Self {
            requests: register_histogram_vec_with_registry!(
                requests.buckets(BUCKETS.to_vec()),
                &["route", "method", "status"],
                registry
            )?,
            issued: register_int_counter_vec_with_registry!(issued, &["kind", "algorithm"], registry)?,
            refused: register_int_counter_vec_with_registry!(refused, &["cause"], registry)?,
            lease: register_int_gauge_with_registry!(
                "wmda_auth_lease_valid",
                "1 while memory may answer; 0: every request reads the database.",
                registry
            )?,
            usage: register_int_gauge_with_registry!(
                "wmda_auth_usage_waiting_secrets",
                "Secrets whose use waits to be written.",
                registry
            )?,
            unrecorded: register_int_counter_with_registry!(
                "wmda_auth_refusals_unrecorded_total",
                "Refusals that the record has no room for.",
                registry
            )?,
            lines: register_int_counter_vec_with_registry!(
                Opts::new(
                    "wmda_auth_log_lines_missing_total",
                    "Log lines that were not written, by reason: too many of one source, or nobody read them."
                ),
                &["reason"],
                registry
            )?,
            flushes_failed: register_int_counter_with_registry!(
                "wmda_auth_usage_flushes_failed_total",
                "Attempts to write the use of secrets that failed; what was not written is kept.",
                registry
            )?,
            registry,
        })
    }

    /// The registry, to which other parts of this process add their metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts an answered request by `[route, method, status]` and observes its duration.
    pub(crate) fn requested(&self, labels: [&str; 3], took: Duration) {
        self.requests
            .with_label_values(&labels)
            .observe(took.as_secs_f64());
    }

    /// Counts an issued token.
    pub(crate) fn issued(&self, kind: &str, algorithm: SigningAlgorithm) {
        self.issued.with_label_values(&[kind, algorithm.name()]).inc();
    }

    /// Counts a log line suppressed by the rate limit.
    pub(crate) fn left_out(&self) {
        self.lines.with_label_values(&["source"]).inc();
    }

    /// How many log lines have been suppressed.
    pub fn lines_left_out(&self) -> u64 {
        self.lines.with_label_values(&["source"]).get()
    }

    /// Counts log lines dropped because the queue was full.
    pub fn lost_lines(&self, lines: u64) {
        self.lines.with_label_values(&["unread"]).inc_by(lines);
    }

    /// Counts a failed flush of usage records.
    pub fn flush_failed(&self) {
        self.flushes_failed.inc();
    }

    /// Counts a refusal by cause.
    pub(crate) fn refused(&self, cause: &str) {
        self.refused.with_label_values(&[cause]).inc();
    }

    /// All metrics, in [`TEXT_FORMAT`].
    pub(crate) fn text(&self, has_lease: bool, waiting: i64, unrecorded: u64) -> prometheus::Result<String> {
        self.unrecorded
            .inc_by(unrecorded.saturating_sub(self.unrecorded.get()));
        self.lease.set(i64::from(has_lease));
        self.usage.set(waiting);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
