//! Deleting a credential, and withdrawing its reminders.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, credential::CredentialKind, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::client_secrets},
    error::require_rows,
    outbox::{
        plans::{self, MailKind},
        webhook_deliveries,
    },
    secrets::client_secrets::notice_recipients::{NoticeRecipients, notify},
};

impl Store {
    /// Deletes a credential of this application. No node accepts it once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn delete_credential(
        &self,
        (kind, client_id, secret_id): (CredentialKind, Uuid, Uuid),
        recipients: NoticeRecipients,
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            delete(connection, (kind, client_id, secret_id), now)?;
            notify(
                connection,
                (recipients, MailKind::SecretDeleted),
                (secret_id, &event),
                now,
            )
        })
        .await
    }

    /// Deletes a secret without notifying anybody: [`Store::delete_credential`].
    pub async fn delete_secret(
        &self,
        client_id: Uuid,
        secret_id: Uuid,
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let which = (CredentialKind::Secret, client_id, secret_id);
        self.delete_credential(which, NoticeRecipients::Nobody, now, entry)
            .await
    }
}

/// Deletes within the transaction of a change.
pub(crate) fn delete(
    connection: &mut AnyConnection,
    (kind, client_id, secret_id): (CredentialKind, Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let live = client_secrets::table
        .filter(client_secrets::id.eq(secret_id.to_string()))
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(kind.as_str()))
        .filter(client_secrets::deleted_at.is_null());
    let gone = client_secrets::deleted_at.eq(Some(now.naive_utc()));
    require_rows(diesel::update(live).set(gone).execute(connection)?)?;
    plans::withdraw(connection, secret_id, now)?;
    webhook_deliveries::queue(connection, secret_id, WebhookEvent::Deleted, now)
}
