//! Rate limits on failed client authentication, by source and by (client, source). Only failures count, so a right
//! secret in the client cache authenticates from any source at any time. Over the limit, 429 is answered without a
//! query, except for a small reserve of queries that lets a new client behind the same address in.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use domain::{digest::Digest, source::network};
use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use quick_cache::sync::Cache;
use uuid::Uuid;

type Instant = <DefaultClock as Clock>::Instant;

/// How many throttled keys, and how many secrets known to be right, are remembered.
const REMEMBERED: usize = 100_000;
/// For this long after a refusal only the reserve is left. Without it, an unreachable database would be queried by
/// all of them again as soon as the limit allows one failure, since no failure is counted while it does not answer.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// A throttled source's reserve refills at its rate limit divided by this.
const RESERVE_SHARE: u32 = 4;
/// Burst of the reserve: the source's burst divided by this, and a minimum.
const RESERVE_BURST_SHARE: u32 = 20;
const RESERVE_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

/// Secret rotations per client: a burst of 10, then one every 5 s. Each locks the version counter of changes for a
/// moment, even when it is refused.
const EXCHANGES: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const EXCHANGE_EVERY: Duration = Duration::from_secs(5);
/// Token revocations per client: a burst, and a rate per second. Each is a row until the token would have expired.
const REVOCATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
const REVOCATIONS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// The key under which failures are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Source(IpAddr),
    Client(Uuid, IpAddr),
}

/// One attempt at client authentication.
pub(crate) struct Attempt {
    client_id: Uuid,
    source: IpAddr,
    secret: Digest,
}

impl Attempt {
    /// Sources are grouped by network. `digests` are the secret's, one for each pepper.
    pub(crate) fn new(client_id: Uuid, source: IpAddr, digests: &[Digest]) -> Self {
        Self {
            client_id,
            source: network(source),
            secret: digests.first().copied().unwrap_or_default(),
        }
    }
}

pub(crate) struct Throttle {
    failures: DefaultKeyedRateLimiter<Counted>,
    failures_of_client: DefaultKeyedRateLimiter<Counted>,
    /// Until when a key is treated as over its limit.
    over: Cache<Counted, Instant>,
    reserve: DefaultKeyedRateLimiter<IpAddr>,
    /// Secrets that were right when the database was last read: their holders need no reserve.
    right: Cache<Digest, ()>,
    /// Rotations, by client.
    rotations: DefaultKeyedRateLimiter<Uuid>,
    revocations: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
}

impl Throttle {
    /// `(per_second, burst)` for a source; each client of a source gets half of it.
    pub(crate) fn new((per_second, burst): (u32, u32)) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = |share: u32| {
            Quota::per_second(at_least_one(per_second / share)).allow_burst(at_least_one(burst / share))
        };
        let reserve_burst = at_least_one(burst / RESERVE_BURST_SHARE).max(RESERVE_BURST);
        Self {
            failures: RateLimiter::keyed(quota(1)),
            failures_of_client: RateLimiter::keyed(quota(2)),
            over: Cache::new(REMEMBERED),
            reserve: RateLimiter::keyed(
                Quota::per_second(at_least_one(per_second / RESERVE_SHARE)).allow_burst(reserve_burst),
            ),
            right: Cache::new(REMEMBERED),
            rotations: RateLimiter::keyed(
                Quota::with_period(EXCHANGE_EVERY)
                    .unwrap_or(Quota::per_second(NonZeroU32::MIN))
                    .allow_burst(EXCHANGES),
            ),
            revocations: RateLimiter::keyed(
                Quota::per_second(REVOCATIONS_PER_SECOND).allow_burst(REVOCATIONS),
            ),
            clock: DefaultClock::default(),
        }
    }

    /// Whether the database may be queried for this secret; else the seconds until `Retry-After`.
    pub(crate) fn admit(&self, attempt: &Attempt) -> Result<(), u64> {
        if self.is_over(attempt) && self.right.get(&attempt.secret).is_none() {
            return self.spend_reserve(attempt.source);
        }
        Ok(())
    }

    /// Whether signatures may be checked for this client; else the seconds to wait. Counts only the client's failures
    /// from this source.
    pub(crate) fn admit_check(&self, attempt: &Attempt) -> Result<(), u64> {
        let client = Counted::Client(attempt.client_id, attempt.source);
        let now = self.clock.now();
        let until = self.over.get(&client).filter(|until| *until > now);
        until.map_or(Ok(()), |until| Err(self.seconds_to(until)))
    }

    /// Takes one query from a source's reserve, for queries that no failure preceded.
    pub(crate) fn admit_query(&self, source: IpAddr) -> Result<(), u64> {
        self.spend_reserve(network(source))
    }

    /// Whether an authenticated client may rotate its secret now; else the seconds to wait.
    pub(crate) fn admit_rotation(&self, client_id: Uuid) -> Result<(), u64> {
        let counted = self.rotations.check_key(&client_id);
        counted.map_err(|until| self.seconds_to(until.earliest_possible()))
    }

    /// Whether an authenticated client may revoke one more token; else the seconds to wait.
    pub(crate) fn admit_revocation(&self, client_id: Uuid) -> Result<(), u64> {
        let counted = self.revocations.check_key(&client_id);
        counted.map_err(|until| self.seconds_to(until.earliest_possible()))
    }

    /// Remembers the secret as right.
    pub(crate) fn passed(&self, attempt: &Attempt) {
        self.right.insert(attempt.secret, ());
    }

    /// Counts a failure `tries` times; `Err` holds the seconds to wait once the limit is exceeded.
    pub(crate) fn failed(&self, attempt: &Attempt, tries: u32) -> Result<(), u64> {
        self.right.remove(&attempt.secret);
        let source = Counted::Source(attempt.source);
        let client = Counted::Client(attempt.client_id, attempt.source);
        self.count(&self.failures, source, tries)?;
        self.count(&self.failures_of_client, client, tries)
    }

    fn count(
        &self,
        failures: &DefaultKeyedRateLimiter<Counted>,
        who: Counted,
        tries: u32,
    ) -> Result<(), u64> {
        let tries = NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN);
        // More tries than the burst can hold count as one.
        let counted = failures
            .check_key_n(&who, tries)
            .unwrap_or_else(|_| failures.check_key(&who));
        counted.map_err(|until| self.remember(who, &until))
    }

    /// Drops the counters of idle keys.
    pub(crate) fn forget_idle(&self) {
        self.failures.retain_recent();
        self.failures_of_client.retain_recent();
        self.reserve.retain_recent();
        self.rotations.retain_recent();
        self.revocations.retain_recent();
    }

    /// How many sources are throttled now.
    pub(crate) fn sources_over(&self) -> usize {
        let now = self.clock.now();
        let over = self.over.iter();
        over.filter(|(who, until)| matches!(who, Counted::Source(_)) && *until > now)
            .count()
    }

    fn spend_reserve(&self, source: IpAddr) -> Result<(), u64> {
        let spent = self.reserve.check_key(&source);
        spent.map_err(|until| self.seconds_to(until.earliest_possible()))
    }

    fn remember(&self, who: Counted, until: &NotUntil<Instant>) -> u64 {
        let until = until.earliest_possible();
        self.over.insert(who, until + COOL_DOWN);
        self.seconds_to(until)
    }

    fn is_over(&self, attempt: &Attempt) -> bool {
        let source = Counted::Source(attempt.source);
        let client = Counted::Client(attempt.client_id, attempt.source);
        let now = self.clock.now();
        [source, client]
            .iter()
            .any(|who| self.over.get(who).is_some_and(|until| until > now))
    }

    /// Whole seconds, rounded up (RFC 9110 §10.2.3).
    fn seconds_to(&self, until: Instant) -> u64 {
        until.saturating_duration_since(self.clock.now()).as_secs() + 1
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn attempt(client: u128, last: u8) -> Attempt {
        Attempt::new(
            Uuid::from_u128(client),
            Ipv4Addr::new(192, 0, 2, last).into(),
            &[],
        )
    }

    #[test]
    fn x02_signatures_that_cost_more_are_checked_less_often() {
        let throttle = Throttle::new((20, 1000));
        let admitted = |one: &Attempt, tries| (0..).find(|_| throttle.failed(one, tries).is_err());
        let (costly, cheap) = (attempt(1, 1), attempt(2, 2));
        assert!(
            (50..60).contains(&admitted(&costly, 10).unwrap()),
            "of 500 that one client has"
        );
        assert!((500..600).contains(&admitted(&cheap, 1).unwrap()));
        assert!(throttle.admit_check(&attempt(1, 1)).is_err());
        assert!(throttle.admit_check(&attempt(1, 2)).is_ok(), "from elsewhere");
        assert!(throttle.admit_check(&attempt(3, 1)).is_ok(), "another client");
    }

    #[test]
    fn x02_a_client_revokes_so_many_tokens_and_others_theirs() {
        let throttle = Throttle::new((20, 1000));
        let client = Uuid::from_u128(1);
        let admitted = (0..3_000)
            .filter(|_| throttle.admit_revocation(client).is_ok())
            .count();
        assert!((1_000..1_050).contains(&admitted), "{admitted}");
        assert!(throttle.admit_revocation(Uuid::from_u128(2)).is_ok());
    }
}
