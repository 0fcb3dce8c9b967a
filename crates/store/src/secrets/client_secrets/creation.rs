//! Creating a credential, subject to policy, limits, rate limit and uniqueness.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::{OptionalExtension, prelude::*};
use domain::{
    audit::Entry,
    credential::{CredentialKind, PublicPart},
    digest::Digest,
    expiry::is_within,
    webhook::WebhookEvent,
};
use ring::digest;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::changes::take_status_index,
    database::{connection::AnyConnection, schema::client_secrets},
    directory::policies,
    outbox::{plans::MailKind, webhook_deliveries},
    secrets::client_secrets::notice_recipients::{NoticeRecipients, notify},
};

/// No pepper version, as those begin with 1.
const NO_PEPPER: i32 = 0;

/// Kinds that share one limit; federated identities have one of their own.
const LIMITED_TOGETHER: &[CredentialKind] = &[CredentialKind::Secret, CredentialKind::Key];

/// The stored part of a new credential.
#[derive(Clone, Debug)]
pub enum NewProof {
    /// For a secret: pepper version and digest.
    Secret((i32, Digest)),
    /// For a key or a federated identity: its public part.
    Public(PublicPart),
}

/// A credential to be stored; of a secret's value only the digest is left.
#[derive(Clone, Debug)]
pub struct NewClientSecret {
    /// Permanent identifier.
    pub id: Uuid,
    /// The application it belongs to.
    pub client_id: Uuid,
    /// Its name.
    pub name: String,
    /// The first three characters of the value, or of a key's thumbprint.
    pub hint: String,
    /// How it authenticates.
    pub proof: NewProof,
    /// Who creates it.
    pub created_by: String,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The credential of the same application that it replaces.
    pub replaces: Option<Uuid>,
}

/// Limits on an application's secrets.
#[derive(Clone, Copy, Debug)]
pub struct SecretLimits {
    /// Live ones, at any time.
    pub live: i64,
    /// Created within an hour.
    pub per_hour: i64,
}

impl SecretLimits {
    /// No limits.
    pub const NONE: Self = Self {
        live: i64::MAX,
        per_hour: i64::MAX,
    };
}

/// The columns for the stored part.
struct Stored {
    kind: CredentialKind,
    material: Option<String>,
    digest: Vec<u8>,
    pepper_version: i32,
}

impl Stored {
    /// `digest` is unique and never null, for versions that know only secrets. For other kinds it holds a value that
    /// is no MAC under any pepper, so that no presented value matches.
    fn of(id: Uuid, proof: NewProof) -> Self {
        match proof {
            NewProof::Secret((pepper_version, digest)) => Self {
                kind: CredentialKind::Secret,
                material: None,
                digest: digest.to_vec(),
                pepper_version,
            },
            NewProof::Public(public) => Self {
                kind: public.kind(),
                material: public.material(),
                digest: digest::digest(&digest::SHA256, id.as_bytes()).as_ref().to_vec(),
                pepper_version: NO_PEPPER,
            },
        }
    }
}

impl Store {
    /// Stores a credential without notifying anybody: [`Store::create_credential`].
    pub async fn create_secret(
        &self,
        new: NewClientSecret,
        limits: SecretLimits,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.create_credential(new, limits, NoticeRecipients::Nobody, entry)
            .await
    }

    /// Stores a credential, its times truncated to milliseconds; usable in the next request on any node. The version
    /// counter's lock makes the limits hold under concurrent creation.
    pub async fn create_credential(
        &self,
        new: NewClientSecret,
        limits: SecretLimits,
        recipients: NoticeRecipients,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(new.client_id), entry, move |connection| {
            obey_policy(connection, &new, limits.live)?;
            limit_creation_rate(connection, (new.client_id, limits.per_hour), new.created_at)?;
            if let NewProof::Public(public) = &new.proof {
                require_distinct(connection, new.client_id, public)?;
            }
            if let Some(replaced) = new.replaces {
                require_live(connection, new.client_id, replaced)?;
            }
            let status_index = take_status_index(connection)?;
            let stored = Stored::of(new.id, new.proof);
            let row = (
                client_secrets::id.eq(new.id.to_string()),
                client_secrets::client_id.eq(new.client_id.to_string()),
                client_secrets::name.eq(new.name),
                client_secrets::hint.eq(new.hint),
                client_secrets::kind.eq(stored.kind.as_str()),
                client_secrets::material.eq(stored.material),
                client_secrets::digest.eq(stored.digest),
                client_secrets::pepper_version.eq(stored.pepper_version),
                client_secrets::created_by.eq(new.created_by),
                client_secrets::created_at.eq(new.created_at.trunc_subsecs(3).naive_utc()),
                client_secrets::expires_at.eq(new.expires_at.trunc_subsecs(3).naive_utc()),
                client_secrets::status_index.eq(status_index),
                client_secrets::replaces.eq(new.replaces.map(|id| id.to_string())),
            );
            diesel::insert_into(client_secrets::table)
                .values(row)
                .execute(connection)?;
            notify(
                connection,
                (recipients, MailKind::SecretCreated),
                (new.id, &event),
                new.created_at,
            )?;
            webhook_deliveries::queue(connection, new.id, WebhookEvent::Created, new.created_at)
        })
        .await
    }
}

/// The number of an application's live secrets and keys.
pub(crate) fn live_credentials(
    connection: &mut AnyConnection,
    client_id: Uuid,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    live_of(connection, (client_id, LIMITED_TOGETHER), now)
}

fn live_of(
    connection: &mut AnyConnection,
    (client_id, kinds): (Uuid, &[CredentialKind]),
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let live = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq_any(kinds.iter().map(|kind| kind.as_str())))
        .filter(client_secrets::deleted_at.is_null())
        .filter(client_secrets::expires_at.gt(now.naive_utc()));
    Ok(live.count().get_result(connection)?)
}

/// Applies the organisation's policy and the limit of live credentials.
fn obey_policy(connection: &mut AnyConnection, new: &NewClientSecret, limit: i64) -> Result<(), StoreError> {
    let policy = policies::policy_of(connection, &new.client_id.to_string())?;
    if policy.keys_only && matches!(new.proof, NewProof::Secret(_)) {
        return Err(StoreError::Refused(
            "the policy of the organisation allows no new secrets: register a key",
        ));
    }
    if let Some(days) = policy.max_lifetime_days
        && !is_within(new.expires_at, new.created_at, days)
    {
        return Err(StoreError::LifetimeOfPolicy(days));
    }
    let is_federated = matches!(&new.proof, NewProof::Public(PublicPart::Federated(_)));
    let (kinds, limit): (&[CredentialKind], i64) = match is_federated {
        true => (&[CredentialKind::Federated], limit),
        false => (LIMITED_TOGETHER, policy.live_secrets(limit)),
    };
    match live_of(connection, (new.client_id, kinds), new.created_at)? >= limit {
        true => Err(StoreError::LimitReached),
        false => Ok(()),
    }
}

/// Applies the hourly rate limit.
fn limit_creation_rate(
    connection: &mut AnyConnection,
    (client_id, per_hour): (Uuid, i64),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let hour = TimeDelta::hours(1);
    let in_the_way: Option<NaiveDateTime> = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::created_at.gt((now - hour).naive_utc()))
        .order(client_secrets::created_at.desc())
        .offset(per_hour - 1)
        .limit(1)
        .select(client_secrets::created_at)
        .first(connection)
        .optional()?;
    match in_the_way {
        None => Ok(()),
        Some(at) => {
            let wait = (at.and_utc() + hour - now)
                .num_seconds()
                .clamp(0, hour.num_seconds());
            Err(StoreError::TooMany(wait.unsigned_abs() + 1))
        }
    }
}

/// Refuses a duplicate key or name: the record of use and a deletion must concern exactly one.
fn require_distinct(
    connection: &mut AnyConnection,
    client_id: Uuid,
    new: &PublicPart,
) -> Result<(), StoreError> {
    let rows: Vec<Option<String>> = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(new.kind().as_str()))
        .filter(client_secrets::deleted_at.is_null())
        .select(client_secrets::material)
        .load(connection)?;
    let known = rows
        .iter()
        .filter_map(|material| PublicPart::parse(new.kind().as_str(), material.as_deref()));
    match known.into_iter().any(|known| known.clashes_with(new)) {
        true => Err(StoreError::Conflict),
        false => Ok(()),
    }
}

fn require_live(connection: &mut AnyConnection, client_id: Uuid, secret_id: Uuid) -> Result<(), StoreError> {
    let found: i64 = client_secrets::table
        .filter(client_secrets::id.eq(secret_id.to_string()))
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::deleted_at.is_null())
        .count()
        .get_result(connection)?;
    match found {
        0 => Err(StoreError::Forbidden(
            "replaces must be the id of a secret of this application that was not deleted",
        )),
        _ => Ok(()),
    }
}
