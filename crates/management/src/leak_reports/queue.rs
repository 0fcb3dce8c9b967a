//! The queue of reports, bounded, with a rate limit per source.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{secret::is_well_formed, source::network};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Deserialize;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Limit of queued reports.
const WAITING: usize = 256;
/// Rate limit per source: a burst, and one more per `SPAN`.
const OF_ONE_SOURCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const SPAN: Duration = Duration::from_secs(2);

/// A reported value with the form and the checksum of a secret.
pub(super) struct Report {
    pub(super) secret: Zeroizing<String>,
    pub(super) source: IpAddr,
}

/// The queue of reports.
pub(crate) struct LeakReports {
    sender: mpsc::Sender<Report>,
    receiver: Mutex<Option<mpsc::Receiver<Report>>>,
    of_sources: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for LeakReports {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let quota = Quota::with_period(SPAN).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
            of_sources: RateLimiter::keyed(quota.allow_burst(OF_ONE_SOURCE)),
        }
    }
}

impl LeakReports {
    /// Queues a report; what is no secret, or over the rate limit, is dropped silently.
    pub(super) fn add(&self, body: &[u8], source: IpAddr) {
        #[derive(Deserialize)]
        struct Body {
            secret: String,
        }
        let Ok(Body { secret }) = serde_json::from_slice(body) else {
            return;
        };
        let secret = Zeroizing::new(secret);
        if is_well_formed(&secret) && self.of_sources.check_key(&network(source)).is_ok() {
            // If the queue is full, the report is dropped: scanners report again.
            drop(self.sender.try_send(Report { secret, source }));
        }
    }

    /// The reports, for whoever asks first.
    pub(super) fn receiver(&self) -> Option<mpsc::Receiver<Report>> {
        let taken = self.receiver.lock();
        taken.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Drops the counters of idle sources.
    pub(super) fn forget_idle(&self) {
        self.of_sources.retain_recent();
    }
}
