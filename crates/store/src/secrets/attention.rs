//! The WMDA team's overview: secrets that expire soon, and applications with too few managers.

use chrono::{DateTime, Utc};
use diesel::{dsl::count_star, prelude::*};
use domain::{audit::Entry, credential::CredentialKind, secret::Origin};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{applications, client_secrets, credential_managers, organisations, snoozed_concerns, users},
    },
    people::accounts::is_able_manager,
    refusals::origins_of_expired,
    secrets::grace::GraceEligibility,
};

/// The concern's name in the database.
const TOO_FEW_MANAGERS: &str = "too_few_managers";

/// An application with its names.
#[derive(Clone, Debug)]
pub struct Named {
    /// The OAuth client identifier.
    pub client_id: Uuid,
    /// The application's name.
    pub name: String,
    /// The organisation's name.
    pub organisation_name: String,
}

/// A credential that expires soon or has expired.
#[derive(Clone, Debug)]
pub struct EndingSecret {
    /// Its application.
    pub application: Named,
    /// The kind of credential.
    pub kind: CredentialKind,
    /// Its identifier.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When it last obtained a token.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
    /// When its grace period was granted.
    pub graced_at: Option<DateTime<Utc>>,
    /// Whether a grace period can be granted now.
    pub can_get_grace: bool,
    /// Source and user agent of that attempt, as long as they are recorded.
    pub tried_after_expiry_origin: Option<Origin>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
pub(crate) struct NameRow {
    client_id: String,
    name: String,
    #[diesel(select_expression = organisations::name)]
    organisation_name: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct SecretRow {
    #[diesel(embed)]
    application: NameRow,
    id: String,
    name: String,
    #[diesel(embed)]
    eligibility: GraceEligibility,
}

impl Store {
    /// Live secrets of enabled applications that expire before `until`, the most urgent first; at most `limit`.
    pub async fn ending_secrets(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<EndingSecret>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(applications::enabled.and(organisations::enabled))
                .filter(client_secrets::deleted_at.is_null())
                // A secret that a system has rotated is meant to expire soon.
                .filter(client_secrets::rotated_at.is_null())
                .filter(client_secrets::expires_at.gt(now.naive_utc()))
                .filter(client_secrets::expires_at.lt(until.naive_utc()))
                .order((client_secrets::expires_at, client_secrets::id))
                .limit(limit)
                .select(SecretRow::as_select())
                .load(connection)?;
            rows.into_iter().map(|row| ending(connection, row, now)).collect()
        })
        .await
    }

    /// Expired secrets of enabled applications that are still presented, the latest first; at most `limit`.
    pub async fn tried_secrets(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<EndingSecret>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(applications::enabled.and(organisations::enabled))
                .filter(client_secrets::deleted_at.is_null())
                .filter(client_secrets::expires_at.le(now.naive_utc()))
                .filter(client_secrets::tried_after_expiry_at.is_not_null())
                .order((client_secrets::tried_after_expiry_at.desc(), client_secrets::id))
                .limit(limit)
                .select(SecretRow::as_select())
                .load(connection)?;
            let mut origins =
                origins_of_expired(connection, rows.iter().map(|row| row.id.clone()).collect())?;
            let with_origin = |row: SecretRow| {
                let origin = origins.remove(&row.id);
                ending(connection, row, now).map(|one| EndingSecret {
                    tried_after_expiry_origin: origin,
                    ..one
                })
            };
            rows.into_iter().map(with_origin).collect()
        })
        .await
    }

    /// Enabled applications with fewer than `enough` managers who can sign in, and how many each has, by name; at
    /// most `limit`. Snoozed ones are left out.
    pub async fn thinly_managed(
        &self,
        enough: i64,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(Named, i64)>, StoreError> {
        self.run(move |connection| {
            let well_managed = credential_managers::table
                .inner_join(users::table)
                .filter(is_able_manager())
                .group_by(credential_managers::client_id)
                .having(count_star().ge(enough))
                .select(credential_managers::client_id);
            let snoozed = snoozed_concerns::table
                .filter(snoozed_concerns::kind.eq(TOO_FEW_MANAGERS))
                .filter(snoozed_concerns::until.gt(now.naive_utc()))
                .select(snoozed_concerns::client_id);
            let rows = applications::table
                .inner_join(organisations::table)
                .filter(applications::enabled.and(organisations::enabled))
                .filter(applications::client_id.ne_all(well_managed))
                .filter(applications::client_id.ne_all(snoozed))
                .order(applications::name)
                .limit(limit)
                .select(NameRow::as_select())
                .load(connection)?;
            rows.into_iter()
                .map(|row| {
                    let able = able_managers(connection, &row.client_id)?;
                    Ok((named(row)?, able))
                })
                .collect()
        })
        .await
    }
}

impl Store {
    /// Snoozes the concern for these applications until an instant.
    pub async fn snooze_managers(
        &self,
        client_ids: Vec<Uuid>,
        until: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            for id in client_ids.iter().map(Uuid::to_string) {
                diesel::delete(snoozed_concerns::table.find((&id, TOO_FEW_MANAGERS))).execute(connection)?;
                let row = (
                    snoozed_concerns::client_id.eq(&id),
                    snoozed_concerns::kind.eq(TOO_FEW_MANAGERS),
                    snoozed_concerns::until.eq(until.naive_utc()),
                );
                diesel::insert_into(snoozed_concerns::table)
                    .values(row)
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// How many applications are snoozed now.
    pub async fn snoozed_managers(&self, now: DateTime<Utc>) -> Result<i64, StoreError> {
        self.run(move |connection| {
            let snoozed = snoozed_concerns::table.filter(snoozed_concerns::until.gt(now.naive_utc()));
            Ok(snoozed.count().get_result(connection)?)
        })
        .await
    }
}

fn able_managers(connection: &mut AnyConnection, client_id: &str) -> Result<i64, StoreError> {
    Ok(credential_managers::table
        .inner_join(users::table)
        .filter(is_able_manager())
        .filter(credential_managers::client_id.eq(client_id.to_owned()))
        .count()
        .get_result(connection)?)
}

pub(crate) fn named(row: NameRow) -> Result<Named, StoreError> {
    Ok(Named {
        client_id: parse_id(&row.client_id)?,
        name: row.name,
        organisation_name: row.organisation_name,
    })
}

fn ending(
    connection: &mut AnyConnection,
    row: SecretRow,
    now: DateTime<Utc>,
) -> Result<EndingSecret, StoreError> {
    let SecretRow { eligibility, .. } = &row;
    let can_get_grace = match eligibility.permits_grace(connection, now) {
        // A credential that is no secret is `Missing`.
        Err(StoreError::Refused(_) | StoreError::Missing) => false,
        outcome => outcome.map(|()| true)?,
    };
    Ok(EndingSecret {
        kind: CredentialKind::parse(&eligibility.kind).ok_or(StoreError::Corrupt("kind"))?,
        graced_at: eligibility.graced_at.map(|at| at.and_utc()),
        can_get_grace,
        expires_at: eligibility.expires_at.and_utc(),
        last_used_at: eligibility.last_used_at.map(|at| at.and_utc()),
        tried_after_expiry_at: eligibility.tried_after_expiry_at.map(|at| at.and_utc()),
        tried_after_expiry_origin: None,
        application: named(row.application)?,
        id: parse_id(&row.id)?,
        name: row.name,
    })
}
