//! Throttling of failed authentications, by source and by (client, source). Only failures count, so a right secret that
//! memory knows is answered from any source at any time. Who is over the limit is answered from memory, before any query,
//! except that a small reserve of queries lets a newcomer behind the same address in.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use domain::{pepper::Digest, source::network};
use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use quick_cache::sync::Cache;
use uuid::Uuid;

type Instant = <DefaultClock as Clock>::Instant;

/// How many of those over a limit, and how many secrets that were right, are remembered.
const REMEMBERED: usize = 100_000;
/// For so long after a refusal somebody lives on the reserve. Without it a database that is away would be asked by all of
/// them again as soon as one failure is allowed, for no failure is counted while it gives no answer.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// A source that is over its limit may still cause one query for so many failures of its limit.
const RESERVE_SHARE: u32 = 4;
/// How many such queries it may cause at once, as a share of its burst, and at least.
const RESERVE_BURST_SHARE: u32 = 20;
const RESERVE_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

/// So many exchanges of secrets may one client ask for at once, and then one in so many seconds: each locks the database's
/// counter of changes for a moment, also when it is refused.
const EXCHANGES: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const EXCHANGE_EVERY: Duration = Duration::from_secs(5);
/// So many tokens may one client revoke at once, and so many a second: each is a row until the token would have ended.
const REVOCATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
const REVOCATIONS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Whose failures are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Source(IpAddr),
    Client(Uuid, IpAddr),
}

/// Somebody who tries a secret.
pub(crate) struct Attempt {
    client_id: Uuid,
    source: IpAddr,
    secret: Digest,
}

impl Attempt {
    /// Whatever network the source is in counts as one. `digests` are the secret's, one for each pepper.
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
    /// Until when somebody counts as over the limit.
    over: Cache<Counted, Instant>,
    reserve: DefaultKeyedRateLimiter<IpAddr>,
    /// Secrets that were right when the database was last asked: their holders are no newcomers.
    right: Cache<Digest, ()>,
    /// By client.
    exchanges: DefaultKeyedRateLimiter<Uuid>,
    revocations: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
}

impl Throttle {
    /// `(per_second, burst)` for a source; one client of a source gets half of it.
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
            exchanges: RateLimiter::keyed(
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

    /// Whether the database may be asked about this secret; else the seconds to wait.
    pub(crate) fn admit(&self, attempt: &Attempt) -> Result<(), u64> {
        if self.is_over(attempt) && self.right.get(&attempt.secret).is_none() {
            return self.spend_reserve(attempt.source);
        }
        Ok(())
    }

    /// Whether signatures may be checked for this client; else the seconds to wait. Its failures of this source alone count.
    pub(crate) fn admit_check(&self, attempt: &Attempt) -> Result<(), u64> {
        let client = Counted::Client(attempt.client_id, attempt.source);
        let now = self.clock.now();
        let until = self.over.get(&client).filter(|until| *until > now);
        until.map_or(Ok(()), |until| Err(self.seconds_to(until)))
    }

    /// Whether one more query of a source, that its failures did not cause, may be made.
    pub(crate) fn admit_query(&self, source: IpAddr) -> Result<(), u64> {
        self.spend_reserve(network(source))
    }

    /// Whether a client that is authenticated may ask for an exchange of its secret; else the seconds to wait.
    pub(crate) fn admit_exchange(&self, client_id: Uuid) -> Result<(), u64> {
        let counted = self.exchanges.check_key(&client_id);
        counted.map_err(|until| self.seconds_to(until.earliest_possible()))
    }

    /// Whether a client that is authenticated may revoke one more token; else the seconds to wait.
    pub(crate) fn admit_revocation(&self, client_id: Uuid) -> Result<(), u64> {
        let counted = self.revocations.check_key(&client_id);
        counted.map_err(|until| self.seconds_to(until.earliest_possible()))
    }

    /// Remembers a secret that was right.
    pub(crate) fn passed(&self, attempt: &Attempt) {
        self.right.insert(attempt.secret, ());
    }

    /// Counts a failure of so many tries; `Err` holds the seconds to wait when there were too many.
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
        // More at once than a burst may hold count as one.
        let counted = failures
            .check_key_n(&who, tries)
            .unwrap_or_else(|_| failures.check_key(&who));
        counted.map_err(|until| self.remember(who, &until))
    }

    /// Forgets whoever has been quiet.
    pub(crate) fn forget_idle(&self) {
        self.failures.retain_recent();
        self.failures_of_client.retain_recent();
        self.reserve.retain_recent();
        self.exchanges.retain_recent();
        self.revocations.retain_recent();
    }

    /// How many sources are over their limit now.
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
