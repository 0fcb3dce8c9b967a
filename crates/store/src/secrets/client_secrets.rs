//! Credentials, as people manage them: secrets, and what stands beside them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::{Connection, OptionalExtension, dsl::not, prelude::*};
use domain::{
    audit::{Entry, Event},
    credential::{CredentialKind, PublicPart},
    expiry::is_within,
    pepper::Digest,
    secret::{ClientSecret, LastUse, LeakReport, Origin, SecretStatus},
};
use ring::digest;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::changes::take_status_index,
    database::{
        connection::AnyConnection,
        folding::folded,
        ids::parse_id,
        schema::{client_secrets, token_counts},
    },
    directory::{pages::pattern, policies},
    outbox::{
        history::add_notifications,
        plans::{self, MailKind},
        secret_notices::{Happening, tell_managers},
        webhook_deliveries::{self, WebhookEvent},
    },
};

/// How many days of use a view holds.
const DAYS_SHOWN: i64 = 30;

/// Versions of the pepper begin with 1.
const NO_PEPPER: i32 = 0;

/// How many secrets one search looks at: what it costs does not grow with what an application has had.
const LOOKED_AT: i64 = 5_000;

/// What is stored of a new credential's proof.
#[derive(Clone, Debug)]
pub enum NewProof {
    /// Of a secret: pepper version and digest.
    Secret((i32, Digest)),
    /// Of a key or a federated identity: what is public.
    Public(PublicPart),
}

/// A credential to be stored; the value of a secret is already only a digest.
#[derive(Clone, Debug)]
pub struct NewClientSecret {
    /// Permanent identifier.
    pub id: Uuid,
    /// The application it belongs to.
    pub client_id: Uuid,
    /// What the manager calls it.
    pub name: String,
    /// The first three characters of the value, or of a key's thumbprint.
    pub hint: String,
    /// How it is proved.
    pub proof: NewProof,
    /// Who creates it.
    pub created_by: String,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// The credential of the same application that it is to replace.
    pub replaces: Option<Uuid>,
}

/// A live secret, to be compared with a value whose client nobody knows.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Its id.
    pub id: Uuid,
    /// Its application.
    pub client_id: Uuid,
    /// Its stored form.
    pub digest: Digest,
    /// Until when it is suspended, if it is.
    pub suspended_until: Option<DateTime<Utc>>,
    /// Whether it was reported as leaked before.
    pub is_reported: bool,
}

/// How many secrets that begin alike are looked at. Among all there are 238,328 beginnings.
const ALIKE: i64 = 1000;

/// Which credentials of an application a list shows.
#[derive(Clone, Debug)]
pub struct SecretFilter {
    /// Only those of this kind.
    pub kind: CredentialKind,
    /// Only those in this state.
    pub status: Option<SecretStatus>,
    /// Only those whose name holds this text.
    pub search: String,
    /// Only those after this expiry and id.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: i64,
}

/// Who gets a mail about a credential that is created or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The application's managers who want more than urgent mail.
    Managers,
    /// Nobody: it is told in another way, or nobody has to know.
    Nobody,
}

/// How many secrets an application may have.
#[derive(Clone, Copy, Debug)]
pub struct SecretLimits {
    /// Not expired and not deleted, at any time.
    pub live: i64,
    /// Created within an hour.
    pub per_hour: i64,
}

impl SecretLimits {
    /// As many as one likes.
    pub const NONE: Self = Self {
        live: i64::MAX,
        per_hour: i64::MAX,
    };
}

/// Expiry and id: the place of a secret in the list of its application.
pub type Place = (DateTime<Utc>, Uuid);

/// A part of the secrets of an application.
#[derive(Clone, Debug)]
pub struct SecretPage {
    /// Those that expire first at the beginning.
    pub secrets: Vec<ClientSecret>,
    /// Where the list goes on; none at its end.
    pub next: Option<Place>,
}

/// What a view of a credential is made from.
#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
pub(crate) struct Row {
    id: String,
    kind: String,
    material: Option<String>,
    name: String,
    hint: String,
    created_by: String,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    suspended_until: Option<NaiveDateTime>,
    rotated_at: Option<NaiveDateTime>,
    graced_at: Option<NaiveDateTime>,
    leak_reported_at: Option<NaiveDateTime>,
    leak_reported_from: Option<String>,
    last_used_at: Option<NaiveDateTime>,
    last_used_from: Option<String>,
    last_used_with: Option<String>,
    replaces: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct LiveRow {
    id: String,
    client_id: String,
    digest: Vec<u8>,
    suspended_until: Option<NaiveDateTime>,
    leak_reported_at: Option<NaiveDateTime>,
}

/// The columns that hold the proof.
struct Stored {
    kind: CredentialKind,
    material: Option<String>,
    digest: Vec<u8>,
    pepper_version: i32,
}

impl Stored {
    /// `digest` is unique and never null, for the sake of versions that know secrets alone. What stands there for another
    /// kind is no MAC under any pepper, so that no presented value has it.
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
    /// Stores a credential and tells nobody: [`Store::create_credential`].
    pub async fn create_secret(
        &self,
        new: NewClientSecret,
        limits: SecretLimits,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.create_credential(new, limits, Told::Nobody, entry).await
    }

    /// Stores a credential, its times in whole milliseconds; the next request on any node can use it. The lock of the version
    /// counter makes the limits, which count credentials of whatever kind, hold however many are created at once.
    pub async fn create_credential(
        &self,
        new: NewClientSecret,
        limits: SecretLimits,
        told: Told,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(new.client_id), entry, move |connection| {
            obey_policy(connection, &new, limits.live)?;
            require_pace(connection, (new.client_id, limits.per_hour), new.created_at)?;
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
            tell(
                connection,
                (told, MailKind::SecretCreated),
                (new.id, &event),
                new.created_at,
            )?;
            webhook_deliveries::queue(connection, new.id, WebhookEvent::Created, new.created_at)
        })
        .await
    }

    /// Deletes a credential of this application. The promise holds once [`crate::clients::memory::ClientMemory::settle`] has passed.
    pub async fn delete_credential(
        &self,
        (kind, client_id, secret_id): (CredentialKind, Uuid, Uuid),
        told: Told,
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            delete(connection, (client_id, secret_id, kind), now)?;
            tell(
                connection,
                (told, MailKind::SecretDeleted),
                (secret_id, &event),
                now,
            )
        })
        .await
    }

    /// The live secrets whose value begins like this.
    pub async fn live_secrets_with_hint(
        &self,
        hint: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<LiveSecret>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .filter(client_secrets::hint.eq(hint))
                .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
                .filter(client_secrets::deleted_at.is_null())
                .filter(client_secrets::expires_at.gt(now.naive_utc()))
                .order(client_secrets::id)
                .limit(ALIKE)
                .select(LiveRow::as_select())
                .load(connection)?;
            rows.into_iter().map(live_secret).collect()
        })
        .await
    }

    /// Deletes a secret and tells nobody: [`Store::delete_credential`].
    pub async fn delete_secret(
        &self,
        client_id: Uuid,
        secret_id: Uuid,
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let which = (CredentialKind::Secret, client_id, secret_id);
        self.delete_credential(which, Told::Nobody, now, entry).await
    }

    /// The credentials of an application of one kind, those that expire first at the beginning. A search may end before it has
    /// found as many as were asked for, and says where to go on.
    pub async fn secrets(
        &self,
        client_id: Uuid,
        filter: SecretFilter,
        now: DateTime<Utc>,
    ) -> Result<SecretPage, StoreError> {
        self.run(move |connection| {
            let (rows, end) = found(connection, client_id, &filter, now)?;
            let full = i64::try_from(rows.len()).is_ok_and(|rows| rows > filter.limit);
            let mut secrets: Vec<ClientSecret> = rows.into_iter().map(secret).collect::<Result<_, _>>()?;
            secrets.truncate(usize::try_from(filter.limit).unwrap_or_default());
            let last = secrets.last().map(|one| (one.expires_at, one.id));
            add_counts(connection, &mut secrets, now)?;
            add_notifications(connection, &mut secrets)?;
            let next = if full { last } else { end };
            Ok(SecretPage { secrets, next })
        })
        .await
    }

    /// One secret of an application.
    pub async fn secret(
        &self,
        client_id: Uuid,
        secret_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<ClientSecret>, StoreError> {
        self.credential((CredentialKind::Secret, client_id, secret_id), now)
            .await
    }

    /// One credential of an application.
    pub async fn credential(
        &self,
        (kind, client_id, secret_id): (CredentialKind, Uuid, Uuid),
        now: DateTime<Utc>,
    ) -> Result<Option<ClientSecret>, StoreError> {
        self.run(move |connection| {
            let row = client_secrets::table
                .find(secret_id.to_string())
                .filter(client_secrets::kind.eq(kind.as_str()))
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::deleted_at.is_null())
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            let mut found: Vec<ClientSecret> = row.map(secret).transpose()?.into_iter().collect();
            add_counts(connection, &mut found, now)?;
            add_notifications(connection, &mut found)?;
            Ok(found.pop())
        })
        .await
    }
}

type Shown = client_secrets::BoxedQuery<'static, <AnyConnection as Connection>::Backend>;

fn tell(
    connection: &mut AnyConnection,
    (told, kind): (Told, MailKind),
    (secret_id, event): (Uuid, &Event),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let happening = Happening {
        secret_id,
        kind,
        actor: &event.actor,
        source: &event.source,
        is_urgent: false,
    };
    match told {
        Told::Managers => tell_managers(connection, &happening, None, now),
        Told::Nobody => Ok(()),
    }
}

/// Within a change.
pub(crate) fn delete(
    connection: &mut AnyConnection,
    (client_id, secret_id, kind): (Uuid, Uuid, CredentialKind),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let live = client_secrets::table
        .filter(client_secrets::id.eq(secret_id.to_string()))
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(kind.as_str()))
        .filter(client_secrets::deleted_at.is_null());
    let gone = client_secrets::deleted_at.eq(Some(now.naive_utc()));
    match diesel::update(live).set(gone).execute(connection)? {
        0 => Err(StoreError::Missing),
        _ => {
            plans::withdraw(connection, secret_id, now)?;
            webhook_deliveries::queue(connection, secret_id, WebhookEvent::Deleted, now)
        }
    }
}

/// One row more than is wanted where there are more, and the place at which the search ended before the list did.
fn found(
    connection: &mut AnyConnection,
    client_id: Uuid,
    filter: &SecretFilter,
    now: DateTime<Utc>,
) -> Result<(Vec<Row>, Option<Place>), StoreError> {
    let mut query = shown(client_id, filter, now).limit(filter.limit + 1);
    let mut end = None;
    if !filter.search.is_empty() {
        let looked_at: Option<(NaiveDateTime, String)> = shown(client_id, filter, now)
            .offset(LOOKED_AT)
            .limit(1)
            .select((client_secrets::expires_at, client_secrets::id))
            .first(connection)
            .optional()?;
        query = query.filter(
            folded(client_secrets::name)
                .like(pattern(&filter.search))
                .escape('\\'),
        );
        if let Some((at, id)) = looked_at {
            let same = client_secrets::expires_at
                .eq(at)
                .and(client_secrets::id.le(id.clone()));
            query = query
                .filter(client_secrets::expires_at.le(at))
                .filter(client_secrets::expires_at.lt(at).or(same));
            end = Some((at.and_utc(), parse_id(&id)?));
        }
    }
    Ok((query.select(Row::as_select()).load(connection)?, end))
}

/// What a list shows of an application, in its order.
fn shown(client_id: Uuid, filter: &SecretFilter, now: DateTime<Utc>) -> Shown {
    let mut query = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(filter.kind.as_str()))
        .filter(client_secrets::deleted_at.is_null())
        .order((client_secrets::expires_at, client_secrets::id))
        .into_boxed();
    let (from, until) = filter.status.map_or((None, None), |status| status.expiries(now));
    if let Some(from) = from {
        query = query.filter(client_secrets::expires_at.ge(from.naive_utc()));
    }
    if let Some(until) = until {
        query = query.filter(client_secrets::expires_at.lt(until.naive_utc()));
    }
    let suspended = client_secrets::suspended_until.gt(now.naive_utc());
    query = match filter.status {
        Some(SecretStatus::Suspended) => query.filter(suspended),
        Some(SecretStatus::Active | SecretStatus::Expiring) => {
            query.filter(client_secrets::suspended_until.is_null().or(not(suspended)))
        }
        Some(SecretStatus::Expired) | None => query,
    };
    if let Some((at, id)) = filter.after {
        let at = at.naive_utc();
        let same = client_secrets::expires_at
            .eq(at)
            .and(client_secrets::id.gt(id.to_string()));
        query = query
            // Says nothing new, but lets the index begin here.
            .filter(client_secrets::expires_at.ge(at))
            .filter(client_secrets::expires_at.gt(at).or(same));
    }
    query
}

fn live_secret(row: LiveRow) -> Result<LiveSecret, StoreError> {
    Ok(LiveSecret {
        id: parse_id(&row.id)?,
        client_id: parse_id(&row.client_id)?,
        digest: row.digest.try_into().map_err(|_| StoreError::Corrupt("digest"))?,
        suspended_until: row.suspended_until.map(|until| until.and_utc()),
        is_reported: row.leak_reported_at.is_some(),
    })
}

pub(crate) fn secret(row: Row) -> Result<ClientSecret, StoreError> {
    let public = PublicPart::parse(&row.kind, row.material.as_deref());
    Ok(ClientSecret {
        public: public.ok_or(StoreError::Corrupt("material"))?,
        id: parse_id(&row.id)?,
        name: row.name,
        hint: row.hint,
        created_by: row.created_by,
        created_at: row.created_at.and_utc(),
        expires_at: row.expires_at.and_utc(),
        suspended_until: row.suspended_until.map(|until| until.and_utc()),
        rotated_itself_at: row.rotated_at.map(|at| at.and_utc()),
        graced_at: row.graced_at.map(|at| at.and_utc()),
        leak: row.leak_reported_at.map(|at| LeakReport {
            at: at.and_utc(),
            from: row.leak_reported_from.unwrap_or_default(),
        }),
        last_use: row.last_used_at.map(|at| LastUse {
            at: at.and_utc(),
            origin: Origin {
                from: row.last_used_from.unwrap_or_default(),
                with: row.last_used_with.unwrap_or_default(),
            },
        }),
        replaces: row.replaces.as_deref().map(parse_id).transpose()?,
        tokens_per_day: Vec::new(),
        tried_after_expiry_at: None,
        tried_after_expiry_origin: None,
        tried_while_suspended_at: None,
        notifications: Vec::new(),
    })
}

/// Secrets and keys share one limit; federated identities have one of their own.
const LIMITED_TOGETHER: &[CredentialKind] = &[CredentialKind::Secret, CredentialKind::Key];

/// How many secrets and keys of an application are neither deleted nor expired.
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

/// What the organisation's policy says of a new credential, and the number of live ones.
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

/// Says when the next one may be created.
fn require_pace(
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

/// Two keys of one name, or the same twice, would make it unclear which one was used, and which deletion ends what.
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

fn add_counts(
    connection: &mut AnyConnection,
    secrets: &mut [ClientSecret],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = secrets.iter().map(|secret| secret.id.to_string()).collect();
    let first = (now - TimeDelta::days(DAYS_SHOWN - 1)).date_naive();
    let rows: Vec<(String, NaiveDate, i64)> = token_counts::table
        .filter(token_counts::secret_id.eq_any(ids))
        .filter(token_counts::day.ge(first))
        .order(token_counts::day)
        .load(connection)?;
    let mut counts: HashMap<String, Vec<(NaiveDate, i64)>> = HashMap::new();
    for (id, day, tokens) in rows {
        counts.entry(id).or_default().push((day, tokens));
    }
    for secret in secrets {
        secret.tokens_per_day = counts.remove(&secret.id.to_string()).unwrap_or_default();
    }
    Ok(())
}
