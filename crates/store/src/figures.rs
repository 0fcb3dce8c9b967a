//! Gauges for operators: pending and failed deliveries, and secrets by time to expiry.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{dsl::min, prelude::*};
use domain::reminder::DeliveryState;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{client_secrets, mails, webhook_deliveries},
    },
    outbox::failed_mails::SHOWN_FOR,
};

/// The state of a delivery queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Pending deliveries.
    pub waiting: i64,
    /// Deliveries given up in the last 30 days.
    pub failed: i64,
    /// How long the oldest pending one is overdue; zero if none is.
    pub overdue: TimeDelta,
}

/// The gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Mails.
    pub mails: Outbox,
    /// Webhook deliveries.
    pub webhooks: Outbox,
    /// Undeleted secrets by time to expiry: expired, at most 7, 30, 90 days, and more.
    pub secrets: [i64; 5],
}

/// Upper bounds of the buckets, in days; the last bucket has none.
const DAYS: [i64; 4] = [0, 7, 30, 90];

/// The query for either kind of delivery, whose tables have the same columns.
macro_rules! outbox {
    ($table:ident, $connection:expr, $now:expr) => {{
        let now: DateTime<Utc> = $now;
        let in_state = |state: DeliveryState| $table::table.filter($table::state.eq(state.as_str()));
        let waiting = in_state(DeliveryState::Pending).count().get_result($connection)?;
        let failed = in_state(DeliveryState::Failed)
            .filter($table::state_at.gt((now - SHOWN_FOR).naive_utc()))
            .count()
            .get_result($connection)?;
        let oldest: Option<NaiveDateTime> = in_state(DeliveryState::Pending)
            .select(min($table::due_at))
            .first($connection)?;
        Outbox {
            waiting,
            failed,
            overdue: overdue(oldest, now),
        }
    }};
}

impl Store {
    /// Reads the gauges; too expensive for every request.
    pub async fn figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        self.run(move |connection| {
            Ok(Figures {
                mails: outbox!(mails, connection, now),
                webhooks: outbox!(webhook_deliveries, connection, now),
                secrets: secrets(connection, now)?,
            })
        })
        .await
    }
}

fn overdue(oldest: Option<NaiveDateTime>, now: DateTime<Utc>) -> TimeDelta {
    oldest.map_or(TimeDelta::zero(), |due| {
        (now - due.and_utc()).max(TimeDelta::zero())
    })
}

fn secrets(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<[i64; 5], StoreError> {
    let kept = || client_secrets::table.filter(client_secrets::deleted_at.is_null());
    let mut counts = [0; 5];
    let mut from = None;
    for (count, days) in counts.iter_mut().zip(DAYS) {
        let until = (now + TimeDelta::days(days)).naive_utc();
        let below = kept().filter(client_secrets::expires_at.le(until));
        *count = match from {
            None => below.count().get_result(connection)?,
            Some(from) => below
                .filter(client_secrets::expires_at.gt(from))
                .count()
                .get_result(connection)?,
        };
        from = Some(until);
    }
    let beyond = (now + TimeDelta::days(90)).naive_utc();
    counts[4] = kept()
        .filter(client_secrets::expires_at.gt(beyond))
        .count()
        .get_result(connection)?;
    Ok(counts)
}
