//! What a view of a secret tells of its mails.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::{
    reminder::{DeliveryState, Notification},
    secret::ClientSecret,
};

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        schema::{client_secrets, mails, reminders},
    },
    refusals::origins_of_expired,
};

type Row = (
    (String, i32, String, String, bool, NaiveDateTime),
    Option<(String, NaiveDateTime)>,
);

type Tried = (Option<NaiveDateTime>, Option<NaiveDateTime>);

/// Fills in when each secret was tried although it is refused, and what was told about it.
pub(crate) fn add_notifications(
    connection: &mut AnyConnection,
    secrets: &mut [ClientSecret],
) -> Result<(), StoreError> {
    let ids: Vec<String> = secrets.iter().map(|secret| secret.id.to_string()).collect();
    let tried: Vec<(String, Tried)> = client_secrets::table
        .filter(client_secrets::id.eq_any(ids.clone()))
        .select((
            client_secrets::id,
            (
                client_secrets::tried_after_expiry_at,
                client_secrets::tried_while_suspended_at,
            ),
        ))
        .load(connection)?;
    let late = tried.iter().filter(|(_, tried)| tried.0.is_some());
    let mut origins = origins_of_expired(connection, late.map(|(id, _)| id.clone()).collect())?;
    let mut tried: HashMap<_, _> = tried.into_iter().collect();
    let mut told = told(connection, ids)?;
    for secret in secrets {
        let id = secret.id.to_string();
        let (after_expiry, while_suspended) = tried.remove(&id).unwrap_or_default();
        secret.tried_after_expiry_at = after_expiry.map(|at| at.and_utc());
        secret.tried_after_expiry_origin = origins.remove(&id);
        secret.tried_while_suspended_at = while_suspended.map(|at| at.and_utc());
        secret.notifications = told.remove(&id).unwrap_or_default();
    }
    Ok(())
}

/// What was told about each of these secrets.
pub(crate) fn told(
    connection: &mut AnyConnection,
    secret_ids: Vec<String>,
) -> Result<HashMap<String, Vec<Notification>>, StoreError> {
    let rows: Vec<Row> = reminders::table
        .left_join(mails::table)
        .filter(reminders::secret_id.eq_any(secret_ids))
        .select((
            (
                reminders::secret_id,
                reminders::threshold_days,
                reminders::recipient,
                reminders::kind,
                reminders::suppressed,
                reminders::at,
            ),
            (mails::state, mails::state_at).nullable(),
        ))
        .order((reminders::threshold_days.desc(), reminders::recipient))
        .load(connection)?;
    let mut told: HashMap<String, Vec<Notification>> = HashMap::new();
    for ((secret_id, threshold_days, recipient, kind, suppressed, at), mail) in rows {
        let (state, at) = match mail {
            Some((state, since)) if !suppressed => (
                state
                    .parse()
                    .map_err(|_| StoreError::Corrupt("state of delivery"))?,
                since,
            ),
            _ => (DeliveryState::Suppressed, at),
        };
        told.entry(secret_id).or_default().push(Notification {
            threshold_days,
            recipient,
            kind: kind
                .parse()
                .map_err(|_| StoreError::Corrupt("kind of reminder"))?,
            state,
            at: at.and_utc(),
        });
    }
    Ok(told)
}
