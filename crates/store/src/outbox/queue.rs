//! A job queue in a table, for mails and webhook deliveries, whose tables have the same columns. A node claims a job
//! by a conditional update and settles it. A claim expires, so that a node that dies blocks nothing.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::reminder::DeliveryState;
use uuid::Uuid;

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{mails, webhook_deliveries},
    },
};

/// The outcome of a delivery attempt.
pub(super) struct Attempt<'a> {
    pub(super) state: DeliveryState,
    /// The number of attempts, including this one.
    pub(super) attempts: i32,
    /// The error.
    pub(super) error: Option<&'a str>,
    /// When to retry.
    pub(super) due_at: Option<DateTime<Utc>>,
}

macro_rules! queue {
    ($queue:ident, $table:ident $(, $free:expr)?) => {
        impl $queue {
            /// Due jobs that are not claimed, the longest due first.
            pub(super) fn due(
                connection: &mut AnyConnection,
                now: DateTime<Utc>,
                limit: i64,
            ) -> Result<Vec<Uuid>, StoreError> {
                let unclaimed = $table::claimed_until
                    .is_null()
                    .or($table::claimed_until.le(now.naive_utc()));
                let ids: Vec<String> = $table::table
                    .filter($table::state.eq(DeliveryState::Pending.as_str()))
                    .filter($table::due_at.le(now.naive_utc()))
                    .filter(unclaimed)
                    $(.filter($free))?
                    .order(($table::due_at, $table::created_at))
                    .limit(limit)
                    .select($table::id)
                    .load(connection)?;
                ids.iter().map(|id| parse_id(id)).collect()
            }

            /// Claims a job until an instant; false if another node has claimed it.
            pub(super) fn claim(
                connection: &mut AnyConnection,
                id: Uuid,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<bool, StoreError> {
                let unclaimed = $table::claimed_until
                    .is_null()
                    .or($table::claimed_until.le(now.naive_utc()));
                let free = $table::table
                    .find(id.to_string())
                    .filter($table::state.eq(DeliveryState::Pending.as_str()))
                    .filter(unclaimed)
                    $(.filter($free))?;
                let claim = $table::claimed_until.eq(Some(until.naive_utc()));
                Ok(diesel::update(free).set(claim).execute(connection)? == 1)
            }

            /// Records the outcome of an attempt and releases the claim: only while it is `held`, or whoever has
            /// claimed it. False if nothing was recorded.
            pub(super) fn settle(
                connection: &mut AnyConnection,
                (id, held): (Uuid, Option<DateTime<Utc>>),
                attempt: &Attempt<'_>,
                now: DateTime<Utc>,
            ) -> Result<bool, StoreError> {
                let pending = $table::table
                    .find(id.to_string())
                    .filter($table::state.eq(DeliveryState::Pending.as_str()));
                let row = (
                    $table::state.eq(attempt.state.as_str()),
                    $table::state_at.eq(now.naive_utc()),
                    $table::attempts.eq(attempt.attempts),
                    $table::claimed_until.eq(None::<NaiveDateTime>),
                    $table::last_error.eq(attempt.error),
                    attempt.due_at.map(|at| $table::due_at.eq(at.naive_utc())),
                );
                let rows = match held {
                    Some(until) => {
                        let own = pending.filter($table::claimed_until.eq(Some(until.naive_utc())));
                        diesel::update(own).set(row).execute(connection)?
                    }
                    None => diesel::update(pending).set(row).execute(connection)?,
                };
                Ok(rows == 1)
            }
        }
    };
}

/// The queue of mails; merged ones are not sent separately.
pub(super) struct Mails;
queue!(Mails, mails, mails::joined_to.is_null());

/// The queue of webhook deliveries.
pub(super) struct Deliveries;
queue!(Deliveries, webhook_deliveries);
