//! Rate limit of a person's changes and denials: each is a permanent row in the audit trail, and all changes wait for
//! one another. The WMDA team's admins are exempt, as they enter and import in bulk.

use std::num::NonZeroU32;

use domain::policy::{Principal, Role};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use uuid::Uuid;

use crate::http::problem::Problem;

/// The burst; then one a second.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// The rate limiter, in this node's memory.
pub(crate) struct ChangeLimiter {
    of_people: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
}

impl Default for ChangeLimiter {
    fn default() -> Self {
        Self {
            of_people: RateLimiter::keyed(Quota::per_second(NonZeroU32::MIN).allow_burst(AT_ONCE)),
            clock: DefaultClock::default(),
        }
    }
}

impl ChangeLimiter {
    /// Counts one more change or denial.
    pub(crate) fn admit(&self, person: &Principal) -> Result<(), Problem> {
        if person.roles.contains(&Role::Admin) {
            return Ok(());
        }
        self.of_people.check_key(&person.user_id).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::TooManyChanges(wait.as_secs() + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: u128, role: Role) -> Principal {
        Principal {
            user_id: Uuid::from_u128(id),
            email: "somebody@example.org".to_owned(),
            roles: vec![role],
            manages: Vec::new(),
        }
    }

    #[test]
    fn x02_one_person_is_paced_and_others_go_on() {
        let limiter = ChangeLimiter::default();
        let manager = person(1, Role::CredentialManager);
        let admitted = (0..2_000).filter(|_| limiter.admit(&manager).is_ok()).count();
        assert!((1_000..1_010).contains(&admitted), "{admitted}");
        assert!(matches!(
            limiter.admit(&manager),
            Err(Problem::TooManyChanges(1..=2))
        ));
        assert!(limiter.admit(&person(2, Role::CredentialManager)).is_ok());
        let admin = person(3, Role::Admin);
        assert!((0..2_000).all(|_| limiter.admit(&admin).is_ok()));
    }
}
