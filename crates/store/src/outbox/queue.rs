//! Work that waits in a table: mails, and deliveries to webhooks, whose tables have the same columns. A node claims it by a
//! conditional update and settles it. A claim ends by itself, so that a node that dies holds nothing up.

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

/// How an attempt ended.
pub(super) struct Attempt<'a> {
    pub(super) state: DeliveryState,
    /// How many there were, with this one.
    pub(super) attempts: i32,
    /// What went wrong.
    pub(super) error: Option<&'a str>,
    /// When the next one is due.
    pub(super) due_at: Option<DateTime<Utc>>,
}

macro_rules! queue {
    ($queue:ident, $table:ident $(, $free:expr)?) => {
        impl $queue {
            /// What is due and not claimed, the longest due first.
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

            /// Claims one until an instant; false when another node was faster.
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

            /// Writes down how an attempt ended, and gives the claim back: while the claim is `held`, or whoever has it now.
            /// False when nothing was written.
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

/// Mails; one whose matter another one tells is not sent by itself.
pub(super) struct Mails;
queue!(Mails, mails, mails::joined_to.is_null());

/// Deliveries to webhooks.
pub(super) struct Deliveries;
queue!(Deliveries, webhook_deliveries);
