//! Throttling of failures, by source and by (client, source). Only failures count, so a right secret is answered
//! from any source at any time.

use std::{hash::Hash, num::NonZeroU32};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use uuid::Uuid;

pub(crate) struct Throttle<S: Hash + Eq + Clone> {
    by_source: DefaultKeyedRateLimiter<S>,
    by_client: DefaultKeyedRateLimiter<(Uuid, S)>,
}

impl<S: Hash + Eq + Clone> Throttle<S> {
    /// `(per_second, burst)` for a source; one client of a source gets half of it.
    pub(crate) fn new((per_second, burst): (u32, u32)) -> Self {
        let quota = |share: u32| {
            let at_least_one = |number: u32| NonZeroU32::new(number / share).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
        };
        Self {
            by_source: RateLimiter::keyed(quota(1)),
            by_client: RateLimiter::keyed(quota(2)),
        }
    }

    /// Counts a failure; `Err` holds the seconds to wait when there were too many.
    pub(crate) fn count_failure(&self, client_id: Uuid, source: S) -> Result<(), u64> {
        let now = DefaultClock::default().now();
        let wait = |until: governor::NotUntil<_>| until.wait_time_from(now).as_secs() + 1;
        self.by_source.check_key(&source).map_err(wait)?;
        self.by_client.check_key(&(client_id, source)).map_err(wait)
    }

    /// Forgets whoever has been quiet.
    pub(crate) fn forget_idle(&self) {
        self.by_source.retain_recent();
        self.by_client.retain_recent();
    }
}
