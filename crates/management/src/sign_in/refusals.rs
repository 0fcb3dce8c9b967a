//! A cache of exceeded rate limits, so that further attempts are refused without a query.

use std::{collections::HashMap, sync::Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use domain::digest::Digest;
use store::sign_in_attempts::Counter;

use crate::http::problem::Problem;

/// How long an entry is valid before the database is queried again, as a reset on another node lifts the limit.
const BELIEVED: TimeDelta = TimeDelta::seconds(15);
/// Capacity in entries.
const REMEMBERED: usize = 20_000;

/// The cached refusals.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Digest, Refusal>>);

struct Refusal {
    account: Option<Digest>,
    until: DateTime<Utc>,
    believed_until: DateTime<Utc>,
}

impl Refusals {
    pub(crate) fn check(&self, counters: &[Counter], now: DateTime<Utc>) -> Result<(), Problem> {
        let Ok(known) = self.0.lock() else { return Ok(()) };
        let refusals = counters.iter().filter_map(|counter| known.get(&counter.subject));
        match refusals
            .filter(|one| one.believed_until > now)
            .map(|one| one.until)
            .max()
        {
            Some(until) => Err(too_many(until, now)),
            None => Ok(()),
        }
    }

    pub(crate) fn remember(&self, counter: &Counter, until: DateTime<Utc>, now: DateTime<Utc>) {
        let Ok(mut known) = self.0.lock() else { return };
        if known.len() >= REMEMBERED {
            known.retain(|_, one| one.believed_until > now);
        }
        if known.len() < REMEMBERED {
            let refusal = Refusal {
                account: counter.account,
                until,
                believed_until: until.min(now + BELIEVED),
            };
            known.insert(counter.subject, refusal);
        }
    }

    /// Removes the entries of an account.
    pub(crate) fn lift(&self, account: &Digest) {
        if let Ok(mut known) = self.0.lock() {
            known.retain(|_, one| one.account.as_ref() != Some(account));
        }
    }
}

pub(crate) fn too_many(until: DateTime<Utc>, now: DateTime<Utc>) -> Problem {
    Problem::TooManyAttempts((until - now).num_seconds().max(0).unsigned_abs() + 1)
}
