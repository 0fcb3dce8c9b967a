//! The report of all secrets: one row each, with where it belongs.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        ids::parse_id,
        schema::{applications, client_secrets, organisations},
    },
};

/// Which secrets a report holds.
#[derive(Clone, Debug, Default)]
pub struct ReportFilter {
    /// Only those that expire before.
    pub expiring_until: Option<DateTime<Utc>>,
    /// Only those that were created before.
    pub created_before: Option<DateTime<Utc>>,
    /// Only those that never got a token.
    pub never_used: bool,
    /// Only those of this organisation.
    pub organisation_id: Option<Uuid>,
    /// Only those after this expiry and id.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// At most so many.
    pub limit: i64,
}

/// A secret in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedSecret {
    /// The owner's name.
    pub organisation_name: String,
    /// The application's name.
    pub application_name: String,
    /// The OAuth client identifier.
    pub client_id: Uuid,
    /// Whether the application and its owner are enabled.
    pub enabled: bool,
    /// The secret's identifier.
    pub id: Uuid,
    /// What the manager calls it.
    pub name: String,
    /// The first three characters of the value.
    pub hint: String,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it last got a token.
    pub last_used_at: Option<DateTime<Utc>>,
    /// From where.
    pub last_used_from: Option<String>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct SecretRow {
    id: String,
    name: String,
    hint: String,
    created_by: String,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    last_used_at: Option<NaiveDateTime>,
    last_used_from: Option<String>,
    tried_after_expiry_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
struct ApplicationRow {
    client_id: String,
    name: String,
    enabled: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = organisations)]
struct OrganisationRow {
    name: String,
    enabled: bool,
}

impl Store {
    /// Secrets that were not deleted, by expiry and id.
    pub async fn secret_report(&self, filter: ReportFilter) -> Result<Vec<ReportedSecret>, StoreError> {
        self.run(move |connection| {
            let mut query = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(client_secrets::deleted_at.is_null())
                .order((client_secrets::expires_at, client_secrets::id))
                .limit(filter.limit)
                .select((
                    SecretRow::as_select(),
                    ApplicationRow::as_select(),
                    OrganisationRow::as_select(),
                ))
                .into_boxed();
            if let Some(until) = filter.expiring_until {
                query = query.filter(client_secrets::expires_at.lt(until.naive_utc()));
            }
            if let Some(before) = filter.created_before {
                query = query.filter(client_secrets::created_at.lt(before.naive_utc()));
            }
            if filter.never_used {
                query = query.filter(client_secrets::last_used_at.is_null());
            }
            if let Some(id) = filter.organisation_id {
                query = query.filter(applications::organisation_id.eq(id.to_string()));
            }
            if let Some((expires_at, id)) = filter.after {
                let at = expires_at.naive_utc();
                let later = client_secrets::expires_at.gt(at);
                let same = client_secrets::expires_at
                    .eq(at)
                    .and(client_secrets::id.gt(id.to_string()));
                query = query.filter(later.or(same));
            }
            let rows: Vec<(SecretRow, ApplicationRow, OrganisationRow)> = query.load(connection)?;
            rows.into_iter().map(reported).collect()
        })
        .await
    }
}

fn reported(
    (secret, application, owner): (SecretRow, ApplicationRow, OrganisationRow),
) -> Result<ReportedSecret, StoreError> {
    Ok(ReportedSecret {
        organisation_name: owner.name,
        application_name: application.name,
        client_id: parse_id(&application.client_id)?,
        enabled: application.enabled && owner.enabled,
        id: parse_id(&secret.id)?,
        name: secret.name,
        hint: secret.hint,
        created_by: secret.created_by,
        created_at: secret.created_at.and_utc(),
        expires_at: secret.expires_at.and_utc(),
        last_used_at: secret.last_used_at.map(|at| at.and_utc()),
        last_used_from: secret.last_used_from,
        tried_after_expiry_at: secret.tried_after_expiry_at.map(|at| at.and_utc()),
    })
}
