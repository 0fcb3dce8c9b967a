//! Failed TLS handshakes: counted by reason, and logged, rate-limited to one line a second.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::Clock;
use prometheus::IntCounterVec;
use rustls::{Error, PeerIncompatible};

const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// A failed handshake.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    /// The metric's label, one of a few.
    reason: &'static str,
    /// The text for the log, if any: probes of balancers only connect and disconnect.
    told: Option<String>,
}

/// The counters and rate limiter of a server.
pub struct Handshakes {
    failed: IntCounterVec,
    clock: Arc<dyn Clock>,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    last_at: Option<Duration>,
    left_out: u64,
}

impl Handshakes {
    /// `failed` counts by `reason`.
    pub fn new(failed: IntCounterVec, clock: Arc<dyn Clock>) -> Self {
        Self {
            failed,
            clock,
            lines: Mutex::default(),
        }
    }

    /// A handshake timed out.
    pub fn late(&self, peer: SocketAddr) {
        self.note(peer, "timeout", Some("it did not end in time".to_owned()));
    }

    /// A handshake failed.
    pub fn failed(&self, peer: SocketAddr, error: &io::Error) {
        let failure = judge(error);
        self.note(peer, failure.reason, failure.told);
    }

    fn note(&self, peer: SocketAddr, reason: &'static str, told: Option<String>) {
        self.failed.with_label_values(&[reason]).inc();
        let Some(told) = told else {
            return;
        };
        if let Some(left_out) = self.line() {
            let more = match left_out {
                0 => String::new(),
                count => format!(" ({count} more since the last such line)"),
            };
            log::warn!("TLS handshake with {} failed: {told}{more}", peer.ip());
        }
    }

    /// Whether the rate limit allows a line; holds how many were suppressed since the last one.
    fn line(&self) -> Option<u64> {
        let now = self.clock.monotonic();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines
            .last_at
            .is_some_and(|at| now.saturating_sub(at) < BETWEEN_LINES)
        {
            lines.left_out += 1;
            return None;
        }
        lines.last_at = Some(now);
        Some(std::mem::take(&mut lines.left_out))
    }
}

fn judge(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (reason, told) = match inner {
        Some(Error::PeerIncompatible(why)) => ("incompatible", Some(incompatible(why))),
        Some(Error::AlertReceived(alert)) => (
            "refused_by_client",
            Some(format!(
                "the client refuses with the alert {alert:?}; it may not trust the authority of the certificate, or look for another name"
            )),
        ),
        Some(Error::InvalidMessage(_)) => (
            "not_tls",
            Some("the client speaks no TLS; it may use http:// where https:// is offered".to_owned()),
        ),
        Some(other) => ("other", Some(other.to_string())),
        None => ("closed", None),
    };
    Failure { reason, told }
}

fn incompatible(why: &PeerIncompatible) -> String {
    let advice = match why {
        PeerIncompatible::NoCipherSuitesInCommon => {
            "it offers TLS 1.2 without any cipher suite of ECDHE with AES-GCM, or none that fits the certificate's kind of key; \
             docs/operators.md says what old clients need"
        }
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "it offers neither TLS 1.2 nor TLS 1.3: update it"
        }
        _ => "it and this server share no way to agree; docs/operators.md says what old clients need",
    };
    format!("the client is incompatible ({why:?}): {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_connects_is_no_line_and_who_can_t_agree_is_told_why() {
        let closed = judge(&io::ErrorKind::UnexpectedEof.into());
        assert_eq!((closed.reason, closed.told), ("closed", None));
        let error = Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon);
        let old = judge(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert!(old.told.is_some_and(|told| told.contains("AES-GCM")));
    }
}
