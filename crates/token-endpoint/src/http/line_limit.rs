//! The rate limit of the access log, by source.

use std::{net::IpAddr, num::NonZeroU32};

use domain::source::network;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Log lines per second, and burst, for a source's unauthenticated requests.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(499);

/// The access log's rate limiter, by source.
pub(crate) struct AccessLogLimiter(DefaultKeyedRateLimiter<IpAddr>);

impl Default for AccessLogLimiter {
    fn default() -> Self {
        Self(RateLimiter::keyed(
            Quota::per_second(PER_SECOND).allow_burst(BURST),
        ))
    }
}

impl AccessLogLimiter {
    /// Whether one more line of this source may be written.
    pub(crate) fn admit(&self, source: IpAddr) -> bool {
        self.0.check_key(&network(source)).is_ok()
    }

    /// Drops the counters of idle sources.
    pub(crate) fn forget_idle(&self) {
        self.0.retain_recent();
    }
}
