//! The mail history in a secret's view.

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = reminders)]
struct ReminderRow {
    secret_id: String,
    threshold_days: i32,
    recipient: String,
    kind: String,
    suppressed: bool,
    at: NaiveDateTime,
    #[diesel(embed)]
    mail: Option<MailRow>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct MailRow {
    state: String,
    state_at: NaiveDateTime,
}

/// When a refused secret was last presented.
#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct TriedRow {
    id: String,
    tried_after_expiry_at: Option<NaiveDateTime>,
    tried_while_suspended_at: Option<NaiveDateTime>,
}

/// Adds to each secret when it was presented although refused, and its mail history.
pub(crate) fn add_notifications(
    connection: &mut AnyConnection,
    secrets: &mut [ClientSecret],
) -> Result<(), StoreError> {
    let ids: Vec<String> = secrets.iter().map(|secret| secret.id.to_string()).collect();
    let tried = client_secrets::table
        .filter(client_secrets::id.eq_any(ids.clone()))
        .select(TriedRow::as_select())
        .load(connection)?;
    let late = tried.iter().filter(|tried| tried.tried_after_expiry_at.is_some());
    let mut origins = origins_of_expired(connection, late.map(|tried| tried.id.clone()).collect())?;
    let tried: HashMap<String, TriedRow> = tried.into_iter().map(|tried| (tried.id.clone(), tried)).collect();
    let mut notifications = notifications(connection, ids)?;
    for secret in secrets {
        let id = secret.id.to_string();
        let tried = tried.get(&id);
        let after_expiry = tried.and_then(|tried| tried.tried_after_expiry_at);
        let while_suspended = tried.and_then(|tried| tried.tried_while_suspended_at);
        secret.tried_after_expiry_at = after_expiry.map(|at| at.and_utc());
        secret.tried_after_expiry_origin = origins.remove(&id);
        secret.tried_while_suspended_at = while_suspended.map(|at| at.and_utc());
        secret.notifications = notifications.remove(&id).unwrap_or_default();
    }
    Ok(())
}

/// The mail history of each secret.
pub(crate) fn notifications(
    connection: &mut AnyConnection,
    secret_ids: Vec<String>,
) -> Result<HashMap<String, Vec<Notification>>, StoreError> {
    let rows = reminders::table
        .left_join(mails::table)
        .filter(reminders::secret_id.eq_any(secret_ids))
        .select(ReminderRow::as_select())
        .order((reminders::threshold_days.desc(), reminders::recipient))
        .load(connection)?;
    let mut notifications: HashMap<String, Vec<Notification>> = HashMap::new();
    for row in rows {
        let (state, at) = match row.mail {
            Some(mail) if !row.suppressed => (state(&mail)?, mail.state_at),
            _ => (DeliveryState::Suppressed, row.at),
        };
        let kind = row.kind.parse();
        notifications
            .entry(row.secret_id)
            .or_default()
            .push(Notification {
                threshold_days: row.threshold_days,
                recipient: row.recipient,
                kind: kind.map_err(|_| StoreError::Corrupt("kind of reminder"))?,
                state,
                at: at.and_utc(),
            });
    }
    Ok(notifications)
}

fn state(mail: &MailRow) -> Result<DeliveryState, StoreError> {
    mail.state
        .parse()
        .map_err(|_| StoreError::Corrupt("state of delivery"))
}
