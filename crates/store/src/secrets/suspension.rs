//! Suspending a credential, and taking the suspension back.

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, credential::CredentialKind, suspension::is_suspended, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::client_secrets},
    outbox::{
        plans::MailKind,
        secret_notices::{CredentialNotice, notify_managers},
        webhook_deliveries,
    },
};

impl Store {
    /// Suspends a credential of this application until an instant, or takes a suspension back; notifies managers and
    /// webhooks. In force on every node once [`crate::clients::memory::ClientMemory::settle`] has returned. The end
    /// needs no change: readers compare it with the clock.
    pub async fn suspend_credential(
        &self,
        (kind, client_id, id): (CredentialKind, Uuid, Uuid),
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let done = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            let was_suspended = suspend(connection, (kind, client_id, id), until, now)?;
            let (mail, event) = match until {
                Some(_) => (MailKind::SecretSuspended, WebhookEvent::Suspended),
                None if was_suspended => (MailKind::SecretResumed, WebhookEvent::Resumed),
                None => return Ok(()),
            };
            let notice = CredentialNotice {
                secret_id: id,
                kind: mail,
                actor: &done.actor,
                source: &done.source,
                is_urgent: true,
            };
            notify_managers(connection, &notice, None, now)?;
            webhook_deliveries::queue(connection, id, event, now)
        })
        .await
    }
}

/// Suspends within the transaction of a change, without notices; returns whether it was suspended before.
pub(crate) fn suspend(
    connection: &mut AnyConnection,
    (kind, client_id, id): (CredentialKind, Uuid, Uuid),
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let live = client_secrets::table
        .find(id.to_string())
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(kind.as_str()))
        .filter(client_secrets::deleted_at.is_null());
    let (expires_at, before): (NaiveDateTime, Option<NaiveDateTime>) = live
        .clone()
        .select((client_secrets::expires_at, client_secrets::suspended_until))
        .first(connection)?;
    if until.is_some() && expires_at <= now.naive_utc() {
        return Err(StoreError::Refused("it has expired, and is refused anyway"));
    }
    let stored = until.map(|until| until.trunc_subsecs(3).naive_utc());
    // Attempts during an earlier suspension say nothing about this one.
    let tried = client_secrets::tried_while_suspended_at.eq(None::<NaiveDateTime>);
    let ends = client_secrets::suspended_until.eq(stored);
    let was_suspended = is_suspended(before.map(|at| at.and_utc()), now);
    match until {
        Some(_) if !was_suspended => diesel::update(live).set((ends, tried)).execute(connection)?,
        _ => diesel::update(live).set(ends).execute(connection)?,
    };
    Ok(was_suspended)
}
