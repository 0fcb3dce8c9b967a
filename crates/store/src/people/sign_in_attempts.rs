//! Counters of sign-in attempts (P-03): exact across nodes, incremented before any factor is verified.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::digest::Digest;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::sign_in_attempts},
};

/// The longest window of any counter: older rows are deleted.
const LONGEST_WINDOW: TimeDelta = TimeDelta::hours(1);

/// A counter for a source, an account, or both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its key.
    pub subject: Digest,
    /// The account whose reset clears this counter; `None` for a source alone.
    pub account: Option<Digest>,
    /// Attempts allowed per window.
    pub limit: i64,
    /// Length of the window; at most an hour.
    pub window: TimeDelta,
}

/// The outcome of counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Within the limits: the attempt may be verified.
    Within {
        /// Whether it was the last that a counter of the account allows.
        last: bool,
    },
    /// Over a limit.
    Over {
        /// The counter.
        counter: Counter,
        /// When its window ends.
        until: DateTime<Utc>,
    },
}

impl Store {
    /// Counts an attempt in all of these counters. An attempt over a limit writes nothing.
    pub async fn count_attempt(
        &self,
        counters: Vec<Counter>,
        now: DateTime<Utc>,
    ) -> Result<Counted, StoreError> {
        self.write(move |connection| {
            if let Some(over) = over_limit(connection, &counters, now)? {
                return Ok(over);
            }
            let count = |connection: &mut AnyConnection| count_all(connection, &counters, now);
            // Of two concurrent first attempts the second insert conflicts; on the retry there is a row to increment.
            match connection.transaction(count) {
                Err(StoreError::Conflict) => connection.transaction(count),
                outcome => outcome,
            }
        })
        .await
    }

    /// Takes a successful attempt back from shared counters.
    pub async fn forgive_attempt(&self, counters: Vec<Counter>) -> Result<(), StoreError> {
        self.write(move |connection| forgive(connection, &counters)).await
    }
}

fn over_limit(
    connection: &mut AnyConnection,
    counters: &[Counter],
    now: DateTime<Utc>,
) -> Result<Option<Counted>, StoreError> {
    for counter in counters {
        let current: Option<(NaiveDateTime, i64)> = sign_in_attempts::table
            .find(counter.subject.to_vec())
            .filter(sign_in_attempts::window_began_at.gt(now.naive_utc() - counter.window))
            .select((sign_in_attempts::window_began_at, sign_in_attempts::attempts))
            .first(connection)
            .optional()?;
        if let Some((began_at, attempts)) = current
            && attempts >= counter.limit
        {
            return Ok(Some(over(counter, began_at)));
        }
    }
    Ok(None)
}

fn over(counter: &Counter, began_at: NaiveDateTime) -> Counted {
    Counted::Over {
        counter: *counter,
        until: began_at.and_utc() + counter.window,
    }
}

/// Concurrent attempts may all have read counters below their limits: the incremented values decide.
fn count_all(
    connection: &mut AnyConnection,
    counters: &[Counter],
    now: DateTime<Utc>,
) -> Result<Counted, StoreError> {
    let mut outcome = Counted::Within { last: false };
    // The same order everywhere, to avoid deadlocks.
    let mut counters = counters.to_vec();
    counters.sort_unstable_by_key(|counter| counter.subject);
    for counter in &counters {
        let (began_at, attempts) = count(connection, counter, now)?;
        match &mut outcome {
            Counted::Within { .. } if attempts > counter.limit => outcome = over(counter, began_at),
            Counted::Within { last } => *last |= attempts == counter.limit && counter.account.is_some(),
            Counted::Over { .. } => {}
        }
    }
    Ok(outcome)
}

fn count(
    connection: &mut AnyConnection,
    counter: &Counter,
    now: DateTime<Utc>,
) -> Result<(NaiveDateTime, i64), StoreError> {
    let (at, key) = (now.naive_utc(), counter.subject.to_vec());
    let current = sign_in_attempts::table
        .find(key.clone())
        .filter(sign_in_attempts::window_began_at.gt(at - counter.window));
    let counted = diesel::update(current)
        .set(sign_in_attempts::attempts.eq(sign_in_attempts::attempts + 1))
        .execute(connection)?;
    if counted == 0 {
        let old = sign_in_attempts::table.filter(
            sign_in_attempts::window_began_at
                .le(at - LONGEST_WINDOW)
                .or(sign_in_attempts::subject.eq(key.clone())),
        );
        diesel::delete(old).execute(connection)?;
        let row = (
            sign_in_attempts::subject.eq(key.clone()),
            sign_in_attempts::window_began_at.eq(at),
            sign_in_attempts::attempts.eq(1),
            sign_in_attempts::account.eq(counter.account.map(|account| account.to_vec())),
        );
        diesel::insert_into(sign_in_attempts::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(sign_in_attempts::table
        .find(key)
        .select((sign_in_attempts::window_began_at, sign_in_attempts::attempts))
        .first(connection)?)
}

/// Takes one attempt back from each of these counters.
pub(crate) fn forgive(connection: &mut AnyConnection, counters: &[Counter]) -> Result<(), StoreError> {
    for counter in counters {
        let row = sign_in_attempts::table.find(counter.subject.to_vec());
        diesel::update(row)
            .set(sign_in_attempts::attempts.eq(sign_in_attempts::attempts - 1))
            .execute(connection)?;
    }
    Ok(())
}

/// Resets one counter.
pub(crate) fn forget(connection: &mut AnyConnection, subject: &Digest) -> Result<(), StoreError> {
    diesel::delete(sign_in_attempts::table.find(subject.to_vec())).execute(connection)?;
    Ok(())
}

/// Lifts every lock-out of an account.
pub(crate) fn forgive_account(connection: &mut AnyConnection, account: &Digest) -> Result<(), StoreError> {
    let of_account = sign_in_attempts::account.eq(Some(account.to_vec()));
    diesel::delete(sign_in_attempts::table.filter(of_account)).execute(connection)?;
    Ok(())
}
