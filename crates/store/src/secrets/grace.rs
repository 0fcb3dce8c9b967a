//! Grace period: extends a secret that is in use on its last day by some hours, once.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, credential::CredentialKind, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::client_secrets},
    outbox::{
        plans::{MailKind, forget_end},
        secret_notices::{CredentialNotice, notify_managers},
        webhook_deliveries,
    },
};

/// The last day begins this long before the expiry.
const LAST_DAY: TimeDelta = TimeDelta::hours(24);
/// For this long after the expiry a grace period can still be granted.
const FOUND_OUT: TimeDelta = TimeDelta::hours(72);
/// A secret used within this time counts as in use; includes monthly jobs.
const IN_USE: TimeDelta = TimeDelta::days(35);

/// What decides whether a grace period can be granted.
#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
pub(crate) struct GraceEligibility {
    client_id: String,
    pub(crate) kind: String,
    created_at: NaiveDateTime,
    pub(crate) expires_at: NaiveDateTime,
    pub(crate) graced_at: Option<NaiveDateTime>,
    pub(crate) last_used_at: Option<NaiveDateTime>,
    pub(crate) tried_after_expiry_at: Option<NaiveDateTime>,
}

impl Store {
    /// Extends a secret from its expiry, or from now if that has passed. Notifies managers, the team at its address,
    /// and webhooks. In force on every node once [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn grant_grace(
        &self,
        (client_id, secret_id): (Uuid, Uuid),
        (grace, team): (TimeDelta, Option<String>),
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            let eligibility = client_secrets::table
                .find(secret_id.to_string())
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::deleted_at.is_null())
                .select(GraceEligibility::as_select())
                .first(connection)?;
            eligibility.permits_grace(connection, now)?;
            let until = (eligibility.expires_at.and_utc().max(now) + grace).trunc_subsecs(3);
            let row = (
                client_secrets::expires_at.eq(until.naive_utc()),
                client_secrets::graced_at.eq(Some(now.naive_utc())),
                // Attempts after the old expiry say nothing about the new one.
                client_secrets::tried_after_expiry_at.eq(None::<NaiveDateTime>),
            );
            diesel::update(client_secrets::table.find(secret_id.to_string()))
                .set(row)
                .execute(connection)?;
            forget_end(connection, secret_id)?;
            let notice = CredentialNotice {
                secret_id,
                kind: MailKind::SecretGraced,
                actor: &event.actor,
                source: &event.source,
                is_urgent: true,
            };
            notify_managers(connection, &notice, team.as_deref(), now)?;
            webhook_deliveries::queue(connection, secret_id, WebhookEvent::Graced, now)
        })
        .await
    }
}

impl GraceEligibility {
    /// Refuses a grace period with the reason. Queries come last, as few secrets are on their last day.
    pub(crate) fn permits_grace(
        &self,
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.kind != CredentialKind::Secret.as_str() {
            return Err(StoreError::Missing);
        }
        self.is_due(now)?;
        self.has_no_successor(connection, now)
    }

    fn is_due(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let expires_at = self.expires_at.and_utc();
        if self.graced_at.is_some() {
            return Err(StoreError::Refused(
                "this secret has had its grace: create a new one",
            ));
        }
        if expires_at - now > LAST_DAY {
            return Err(StoreError::Refused(
                "this secret is not on its last day yet: create a new one while there is time",
            ));
        }
        if now - expires_at > FOUND_OUT {
            return Err(StoreError::Refused(
                "this secret expired more than three days ago: create a new one",
            ));
        }
        let last = self.last_used_at.max(self.tried_after_expiry_at);
        match last.is_some_and(|last| now - last.and_utc() < IN_USE) {
            true => Ok(()),
            false => Err(StoreError::Refused(
                "no system has used this secret in the last 35 days: it needs no grace",
            )),
        }
    }

    /// Refuses if there is a newer live credential, of whatever kind.
    fn has_no_successor(&self, connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
        let newer = client_secrets::table
            .filter(client_secrets::client_id.eq(self.client_id.clone()))
            .filter(client_secrets::deleted_at.is_null())
            .filter(client_secrets::created_at.gt(self.created_at))
            .filter(client_secrets::expires_at.gt(now.naive_utc()))
            .filter(client_secrets::last_used_at.is_not_null());
        match newer.count().get_result::<i64>(connection)? {
            0 => Ok(()),
            _ => Err(StoreError::Refused(
                "a newer credential of this application is in use: put that one into the system that lacks it",
            )),
        }
    }
}
