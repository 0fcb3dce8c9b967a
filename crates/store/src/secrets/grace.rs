//! A secret that is needed on its last day may live on for some hours, once.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, credential::CredentialKind};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::client_secrets},
    outbox::{
        plans::MailKind,
        secret_notices::{Happening, tell_managers},
        webhook_deliveries::{self, WebhookEvent},
    },
};

/// Its last day begins so long before its expiry.
const LAST_DAY: TimeDelta = TimeDelta::hours(24);
/// So long after its expiry somebody may still find out.
const FOUND_OUT: TimeDelta = TimeDelta::hours(72);
/// Who asked for a token within this time uses the secret: a job that runs once a month, too.
const IN_USE: TimeDelta = TimeDelta::days(35);

type Tried = (Option<NaiveDateTime>, Option<NaiveDateTime>);

impl Store {
    /// Lets a secret live on beyond its expiry, or, when that has passed, from now. Managers, the team at its address, and
    /// webhooks are told. Once [`crate::clients::memory::ClientMemory::settle`] has passed, every node knows.
    pub async fn grant_grace(
        &self,
        (client_id, secret_id): (Uuid, Uuid),
        (grace, team): (TimeDelta, Option<String>),
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            let expires_at = may_be_graced(connection, (client_id, secret_id), now)?;
            let until = (expires_at.max(now) + grace).trunc_subsecs(3);
            let row = (
                client_secrets::expires_at.eq(until.naive_utc()),
                client_secrets::graced_at.eq(Some(now.naive_utc())),
                // What was presented after the old expiry says nothing about the new one.
                client_secrets::tried_after_expiry_at.eq(None::<NaiveDateTime>),
            );
            diesel::update(client_secrets::table.find(secret_id.to_string()))
                .set(row)
                .execute(connection)?;
            let happening = Happening {
                secret_id,
                kind: MailKind::SecretGraced,
                actor: &event.actor,
                source: &event.source,
                is_urgent: true,
            };
            tell_managers(connection, &happening, team.as_deref(), now)?;
            webhook_deliveries::queue(connection, secret_id, WebhookEvent::Graced, now)
        })
        .await
    }
}

/// When the secret expires, if it may have a grace; else why not.
pub(crate) fn may_be_graced(
    connection: &mut AnyConnection,
    (client_id, secret_id): (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let (created_at, expires_at, graced_at, tried) = stands(connection, client_id, secret_id)?;
    if graced_at.is_some() {
        return Err(StoreError::Refused(
            "this secret has had its grace: create a new one",
        ));
    }
    let expires_at = expires_at.and_utc();
    is_due(expires_at, tried, now)?;
    has_no_successor(connection, client_id, created_at, now)?;
    Ok(expires_at)
}

/// Created, expires, had its grace, and when it was last presented.
type Standing = (NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>, Tried);

/// How a secret of this application stands that was not deleted.
fn stands(connection: &mut AnyConnection, client_id: Uuid, secret_id: Uuid) -> Result<Standing, StoreError> {
    Ok(client_secrets::table
        .find(secret_id.to_string())
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
        .filter(client_secrets::deleted_at.is_null())
        .select((
            client_secrets::created_at,
            client_secrets::expires_at,
            client_secrets::graced_at,
            (
                client_secrets::last_used_at,
                client_secrets::tried_after_expiry_at,
            ),
        ))
        .first(connection)?)
}

fn is_due(expires_at: DateTime<Utc>, (used, tried): Tried, now: DateTime<Utc>) -> Result<(), StoreError> {
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
    let last = used.max(tried).map(|at| at.and_utc());
    match last.is_some_and(|last| now - last < IN_USE) {
        true => Ok(()),
        false => Err(StoreError::Refused(
            "no system has used this secret in the last 35 days: it needs no grace",
        )),
    }
}

/// A newer live credential, of whatever kind, is one.
fn has_no_successor(
    connection: &mut AnyConnection,
    client_id: Uuid,
    created_at: NaiveDateTime,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let newer = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::deleted_at.is_null())
        .filter(client_secrets::created_at.gt(created_at))
        .filter(client_secrets::expires_at.gt(now.naive_utc()))
        .filter(client_secrets::last_used_at.is_not_null());
    match newer.count().get_result::<i64>(connection)? {
        0 => Ok(()),
        _ => Err(StoreError::Refused(
            "a newer credential of this application is in use: put that one into the system that lacks it",
        )),
    }
}
