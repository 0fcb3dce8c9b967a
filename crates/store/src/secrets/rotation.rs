//! Self-rotation: a client rotates its live secret. Safe to retry: a successor that was never used counts as lost in
//! transit and is replaced; a used one is never touched.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::{
    audit::{Entry, Event},
    audit_action::AuditAction,
    credential::CredentialKind,
    digest::Digest,
    expiry,
    organisation_policy::OrganisationPolicy,
    suspension::is_suspended,
    webhook::WebhookEvent,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::trail,
    clients::changes::{bump, take_status_index},
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{applications, client_secrets, organisations},
    },
    directory::policies,
    outbox::{
        plans::MailKind,
        secret_notices::{CredentialNotice, notify_managers},
        webhook_deliveries,
    },
    secrets::client_secrets::{delete, live_credentials},
};

/// A secret can be rotated once in this time.
const ONCE_IN: TimeDelta = TimeDelta::days(1);
/// An unused successor is not replaced for this long: of concurrent rotations, one wins.
const IN_TRANSIT: TimeDelta = TimeDelta::seconds(10);
/// Limit of lost successors per day: a job in an endless loop must not fill the database.
const LOST_A_DAY: i64 = 10;
/// Suffix of the name of a secret created by rotation.
const SUFFIX: &str = " (rotated ";
/// The longest name without the suffix.
const NAME: usize = 100;

/// The new secret to be stored.
#[derive(Clone, Debug)]
pub struct NewSuccessor {
    /// Permanent identifier.
    pub id: Uuid,
    /// The first three characters of its value.
    pub hint: String,
    /// Pepper version and digest.
    pub digest: (i32, Digest),
    /// The time of rotation.
    pub now: DateTime<Utc>,
}

/// Rotation settings from configuration.
#[derive(Clone, Copy, Debug)]
pub struct RotationRules {
    /// Overlap: how long the old secret stays valid.
    pub overlap: TimeDelta,
    /// The longest lifetime of a secret.
    pub max_lifetime_days: u32,
    /// The limit of an application's live secrets.
    pub max_live: i64,
}

/// The result of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// When the new secret expires.
    pub expires_at: DateTime<Utc>,
    /// When the old secret expires.
    pub previous_expires_at: DateTime<Utc>,
}

/// Why a rotation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// The secret was deleted, or its application disabled.
    Gone,
    /// The secret has expired.
    Expired,
    /// The secret is suspended.
    Suspended,
    /// Neither the managers nor the policy allow the application to rotate.
    NotAllowed,
    /// The policy requires keys.
    KeysOnly,
    /// Too soon; holds the seconds to wait.
    TooSoon(i64),
    /// The application has its maximum of live secrets.
    LimitReached,
}

/// Rolls back the transaction.
enum End {
    Refused(RotationRefusal),
    Failed(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for End {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct OldRow {
    name: String,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    suspended_until: Option<NaiveDateTime>,
    planned_expires_at: Option<NaiveDateTime>,
    self_rotated: bool,
    rotated_at: Option<NaiveDateTime>,
    #[diesel(select_expression = applications::name)]
    application: String,
    #[diesel(select_expression = applications::self_rotation)]
    switched_on: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct SuccessorRow {
    id: String,
    created_at: NaiveDateTime,
    first_used_at: Option<NaiveDateTime>,
}

/// The old secret, as read in the transaction.
struct Old {
    id: Uuid,
    client_id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    suspended_until: Option<DateTime<Utc>>,
    /// Its expiry before any rotation.
    planned_expires_at: DateTime<Utc>,
    was_rotated: bool,
    /// When it was last rotated, or created by a rotation.
    rotated_at: Option<DateTime<Utc>>,
    application: String,
    switched_on: bool,
    policy: OrganisationPolicy,
}

impl Store {
    /// Rotates a secret of which the caller has proved possession. It stays valid for the overlap, at most until its
    /// own expiry; the successor has the same lifetime and works in the next request on any node. `entry` is for the
    /// old secret; its actor becomes the application.
    pub async fn rotate_secret(
        &self,
        (client_id, secret_id): (Uuid, Uuid),
        new: NewSuccessor,
        rules: RotationRules,
        entry: Entry,
    ) -> Result<Result<Rotated, RotationRefusal>, StoreError> {
        let journal = self.journal.clone();
        self.write(move |connection| {
            let outcome = Self::in_journal(journal.as_deref(), connection, |connection| {
                bump(connection, Some(client_id))?;
                let old =
                    load(connection, (client_id, secret_id))?.ok_or(End::Refused(RotationRefusal::Gone))?;
                rotate(connection, &old, &new, rules, &entry)
            });
            match outcome {
                Ok(rotated) => Ok(Ok(rotated)),
                Err(End::Refused(refusal)) => Ok(Err(refusal)),
                Err(End::Failed(error)) => Err(error),
            }
        })
        .await
    }

    /// Records the first use of a rotated secret; false if it was replaced before. Both lock the version counter, so
    /// that a used secret is never replaced, and a replaced one never used.
    pub async fn confirm_first_use(
        &self,
        (client_id, secret_id): (Uuid, Uuid),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            connection.transaction(|connection| {
                bump(connection, Some(client_id))?;
                let live = client_secrets::table
                    .find(secret_id.to_string())
                    .filter(client_secrets::deleted_at.is_null());
                let unused = live.clone().filter(client_secrets::first_used_at.is_null());
                diesel::update(unused)
                    .set(client_secrets::first_used_at.eq(Some(now.naive_utc())))
                    .execute(connection)?;
                Ok(live.count().get_result::<i64>(connection)? > 0)
            })
        })
        .await
    }
}

fn load(
    connection: &mut AnyConnection,
    (client_id, secret_id): (Uuid, Uuid),
) -> Result<Option<Old>, StoreError> {
    let row = client_secrets::table
        .inner_join(applications::table.inner_join(organisations::table))
        .filter(client_secrets::id.eq(secret_id.to_string()))
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
        .filter(client_secrets::deleted_at.is_null())
        .filter(applications::enabled.and(organisations::enabled))
        .select(OldRow::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (created_at, expires_at) = (row.created_at.and_utc(), row.expires_at.and_utc());
    let rotated_at = row.rotated_at.map(|at| at.and_utc());
    Ok(Some(Old {
        id: secret_id,
        client_id,
        name: row.name,
        created_at,
        expires_at,
        suspended_until: row.suspended_until.map(|at| at.and_utc()),
        planned_expires_at: row.planned_expires_at.map_or(expires_at, |at| at.and_utc()),
        was_rotated: rotated_at.is_some(),
        rotated_at: rotated_at.or(row.self_rotated.then_some(created_at)),
        application: row.application,
        switched_on: row.switched_on,
        policy: policies::policy_of(connection, &client_id.to_string())?,
    }))
}

fn rotate(
    connection: &mut AnyConnection,
    old: &Old,
    new: &NewSuccessor,
    rules: RotationRules,
    entry: &Entry,
) -> Result<Rotated, End> {
    old.may_rotate(new.now).map_err(End::Refused)?;
    let lost = lost_successor(connection, old, new.now)?;
    let actor = format!("{} (itself)", old.application);
    let entry = by(entry, &actor);
    if let Some(lost) = lost {
        delete_lost(connection, old, lost, new.now, &entry)?;
    }
    let live = live_credentials(connection, old.client_id, new.now)?;
    if live >= old.policy.live_secrets(rules.max_live) {
        return Err(End::Refused(RotationRefusal::LimitReached));
    }
    let is_first = lost.is_some() || !old.was_rotated;
    let rotated = old.rotated(is_first, new.now, rules);
    insert(connection, old, new, &rotated, &actor)?;
    let ends = (
        client_secrets::expires_at.eq(rotated.previous_expires_at.naive_utc()),
        client_secrets::planned_expires_at.eq(Some(old.planned_expires_at.naive_utc())),
        client_secrets::rotated_at.eq(Some(new.now.naive_utc())),
    );
    diesel::update(client_secrets::table.find(old.id.to_string()))
        .set(ends)
        .execute(connection)?;
    trail::append(connection, &entry)?;
    trail::append(
        connection,
        &about(&entry, AuditAction::SecretCreate, old.client_id, new.id),
    )?;
    notify(connection, old, new, &entry.event)?;
    Ok(rotated)
}

impl Old {
    fn may_rotate(&self, now: DateTime<Utc>) -> Result<(), RotationRefusal> {
        if self.expires_at <= now {
            Err(RotationRefusal::Expired)
        } else if is_suspended(self.suspended_until, now) {
            Err(RotationRefusal::Suspended)
        } else if !self.policy.may_rotate(self.switched_on) {
            Err(RotationRefusal::NotAllowed)
        } else if self.policy.keys_only {
            Err(RotationRefusal::KeysOnly)
        } else {
            Ok(())
        }
    }

    /// The expiry of both secrets. A rotation that starts over, because its successor was lost, gives the old secret
    /// the full overlap again; one beside a used successor does not.
    fn rotated(&self, is_first: bool, now: DateTime<Utc>, rules: RotationRules) -> Rotated {
        let life = self.planned_expires_at - self.created_at;
        let latest = expiry::latest(now, self.policy.lifetime_days(rules.max_lifetime_days));
        let trunc = |at: DateTime<Utc>| at.trunc_subsecs(3);
        Rotated {
            expires_at: trunc((now + life).min(latest)),
            previous_expires_at: match is_first {
                true => trunc((now + rules.overlap).min(self.planned_expires_at)),
                false => self.expires_at,
            },
        }
    }

    /// The successor's name: the old one, with the date of rotation.
    fn successors_name(&self, now: DateTime<Utc>) -> String {
        let name = self.name.split(SUFFIX).next().unwrap_or_default();
        let name: String = name.chars().take(NAME).collect();
        format!("{}{SUFFIX}{})", name.trim_end(), now.format("%Y-%m-%d"))
    }
}

/// The unused successor that was lost in transit, if there is one.
fn lost_successor(
    connection: &mut AnyConnection,
    old: &Old,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, End> {
    let made = || {
        client_secrets::table
            .filter(client_secrets::replaces.eq(old.id.to_string()))
            .filter(client_secrets::self_rotated)
    };
    let newest = made()
        .filter(client_secrets::deleted_at.is_null())
        .filter(client_secrets::expires_at.gt(now.naive_utc()))
        .order((
            client_secrets::created_at.desc(),
            client_secrets::status_index.desc(),
        ))
        .select(SuccessorRow::as_select())
        .first(connection)
        .optional()?;
    let Some(lost) = newest.filter(|newest| newest.first_used_at.is_none()) else {
        wait(old.rotated_at, ONCE_IN, now)?;
        return Ok(None);
    };
    wait(Some(lost.created_at.and_utc()), IN_TRANSIT, now)?;
    let today = made().filter(client_secrets::created_at.gt((now - ONCE_IN).naive_utc()));
    if today.count().get_result::<i64>(connection)? >= LOST_A_DAY {
        let an_hour = TimeDelta::hours(1).num_seconds();
        return Err(End::Refused(RotationRefusal::TooSoon(an_hour)));
    }
    Ok(Some(parse_id(&lost.id)?))
}

fn wait(since: Option<DateTime<Utc>>, at_least: TimeDelta, now: DateTime<Utc>) -> Result<(), End> {
    let left = since.map_or(TimeDelta::zero(), |since| since + at_least - now);
    match left > TimeDelta::zero() {
        true => Err(End::Refused(RotationRefusal::TooSoon(left.num_seconds() + 1))),
        false => Ok(()),
    }
}

fn delete_lost(
    connection: &mut AnyConnection,
    old: &Old,
    lost: Uuid,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<(), StoreError> {
    delete(connection, (CredentialKind::Secret, old.client_id, lost), now)?;
    trail::append(
        connection,
        &about(entry, AuditAction::SecretDelete, old.client_id, lost),
    )
}

fn insert(
    connection: &mut AnyConnection,
    old: &Old,
    new: &NewSuccessor,
    rotated: &Rotated,
    actor: &str,
) -> Result<(), StoreError> {
    let status_index = take_status_index(connection)?;
    let (pepper_version, digest) = new.digest;
    let row = (
        client_secrets::id.eq(new.id.to_string()),
        client_secrets::client_id.eq(old.client_id.to_string()),
        client_secrets::name.eq(old.successors_name(new.now)),
        client_secrets::hint.eq(&new.hint),
        client_secrets::digest.eq(digest.to_vec()),
        client_secrets::pepper_version.eq(pepper_version),
        client_secrets::created_by.eq(actor),
        client_secrets::created_at.eq(new.now.naive_utc()),
        client_secrets::expires_at.eq(rotated.expires_at.naive_utc()),
        client_secrets::status_index.eq(status_index),
        client_secrets::replaces.eq(Some(old.id.to_string())),
        client_secrets::self_rotated.eq(true),
    );
    diesel::insert_into(client_secrets::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// Informs managers and webhooks; no action is needed.
fn notify(
    connection: &mut AnyConnection,
    old: &Old,
    new: &NewSuccessor,
    event: &Event,
) -> Result<(), StoreError> {
    let notice = CredentialNotice {
        secret_id: new.id,
        kind: MailKind::SecretRotated,
        actor: &event.actor,
        source: &event.source,
        is_urgent: false,
    };
    notify_managers(connection, &notice, None, new.now)?;
    webhook_deliveries::queue(connection, old.id, WebhookEvent::Rotated, new.now)?;
    webhook_deliveries::queue(connection, new.id, WebhookEvent::Created, new.now)
}

fn by(entry: &Entry, actor: &str) -> Entry {
    let mut entry = entry.clone();
    actor.clone_into(&mut entry.event.actor);
    entry
}

/// A copy of the audit event for another action on another secret.
fn about(entry: &Entry, action: AuditAction, client_id: Uuid, secret_id: Uuid) -> Entry {
    let mut entry = entry.clone();
    action.as_str().clone_into(&mut entry.event.action);
    entry.event.object = format!("application/{client_id}/secret/{secret_id}");
    entry
}
