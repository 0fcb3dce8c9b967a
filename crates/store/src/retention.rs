//! Retention: deletes expired data in small batches, each a short statement, so that nobody waits for it.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{dsl::exists, prelude::*};
use domain::reminder::DeliveryState;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{client_secrets, mails, reminders, token_counts, webhook_deliveries},
    },
};

/// Rows per batch.
const BATCH: i64 = 200;

/// A kind of data with a retention period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Token counts by secret and day.
    TokenCounts,
    /// Reminders for expired secrets, and all settled mails.
    Mails,
    /// Settled webhook deliveries.
    WebhookDeliveries,
    /// Source and user agent of the last use of deleted secrets.
    DeletedSecrets,
}

impl Store {
    /// Deletes one batch of rows older than `age` and returns how many; to be repeated until it returns 0.
    pub async fn forget(&self, kept: Kept, age: TimeDelta, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let before = (now - age).naive_utc();
        // No transaction: SQLite refuses one that reads before it writes while another connection writes, and old
        // rows stay old.
        self.write_to_end(move |connection| match kept {
            Kept::TokenCounts => token_counts(connection, before),
            Kept::Mails => Ok(reminders(connection, before)? + mails(connection, before)?),
            Kept::WebhookDeliveries => deliveries(connection, before),
            Kept::DeletedSecrets => uses(connection, before),
        })
        .await
    }
}

fn token_counts(connection: &mut AnyConnection, before: NaiveDateTime) -> Result<usize, StoreError> {
    let old = token_counts::day.lt(before.date());
    let ids: Vec<String> = token_counts::table
        .filter(old)
        .select(token_counts::secret_id)
        .limit(BATCH)
        .load(connection)?;
    let rows = token_counts::table
        .filter(token_counts::secret_id.eq_any(ids))
        .filter(old);
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Recipients of a reminder are kept until the expiry has passed: a deletion must remove it from their calendars.
fn reminders(connection: &mut AnyConnection, before: NaiveDateTime) -> Result<usize, StoreError> {
    let ended = client_secrets::table
        .filter(
            client_secrets::expires_at
                .lt(before)
                .or(client_secrets::deleted_at.lt(before)),
        )
        .select(client_secrets::id);
    let old = reminders::table
        .filter(reminders::at.lt(before))
        .filter(reminders::secret_id.eq_any(ended));
    let ids: Vec<String> = old
        .select(reminders::secret_id)
        .distinct()
        .limit(BATCH)
        .load(connection)?;
    let rows = reminders::table
        .filter(reminders::at.lt(before))
        .filter(reminders::secret_id.eq_any(ids));
    Ok(diesel::delete(rows).execute(connection)?)
}

fn mails(connection: &mut AnyConnection, before: NaiveDateTime) -> Result<usize, StoreError> {
    let told = reminders::table.filter(reminders::mail_id.eq(mails::id.nullable()));
    let ids: Vec<String> = mails::table
        .filter(mails::state.ne(DeliveryState::Pending.as_str()))
        .filter(mails::state_at.lt(before))
        .filter(diesel::dsl::not(exists(told)))
        .select(mails::id)
        .limit(BATCH)
        .load(connection)?;
    Ok(diesel::delete(mails::table.filter(mails::id.eq_any(ids))).execute(connection)?)
}

fn deliveries(connection: &mut AnyConnection, before: NaiveDateTime) -> Result<usize, StoreError> {
    let ids: Vec<String> = webhook_deliveries::table
        .filter(webhook_deliveries::state.ne(DeliveryState::Pending.as_str()))
        .filter(webhook_deliveries::state_at.lt(before))
        .select(webhook_deliveries::id)
        .limit(BATCH)
        .load(connection)?;
    let rows = webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// The row stays: its status index must never be reused.
fn uses(connection: &mut AnyConnection, before: NaiveDateTime) -> Result<usize, StoreError> {
    let ids: Vec<String> = client_secrets::table
        .filter(client_secrets::deleted_at.lt(before))
        .filter(
            client_secrets::last_used_from
                .is_not_null()
                .or(client_secrets::last_used_with.is_not_null()),
        )
        .select(client_secrets::id)
        .limit(BATCH)
        .load(connection)?;
    let nothing = (
        client_secrets::last_used_from.eq(None::<String>),
        client_secrets::last_used_with.eq(None::<String>),
    );
    let rows = client_secrets::table.filter(client_secrets::id.eq_any(ids));
    Ok(diesel::update(rows).set(nothing).execute(connection)?)
}
