//! The report of all secrets and other credentials, one row each, with application and organisation.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::credential::CredentialKind;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        ids::parse_id,
        schema::{applications, client_secrets, organisations},
    },
};

/// Filter of the report.
#[derive(Clone, Debug, Default)]
pub struct ReportFilter {
    /// Expiring before this instant.
    pub expiring_until: Option<DateTime<Utc>>,
    /// Created before this instant.
    pub created_before: Option<DateTime<Utc>>,
    /// Never used for a token.
    pub never_used: bool,
    /// Of this organisation.
    pub organisation_id: Option<Uuid>,
    /// Pagination: after this expiry and id.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// The maximum number of rows.
    pub limit: i64,
}

/// A row of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedSecret {
    /// The organisation's name.
    pub organisation_name: String,
    /// The application's name.
    pub application_name: String,
    /// The OAuth client identifier.
    pub client_id: Uuid,
    /// Whether the application and its organisation are enabled.
    pub enabled: bool,
    /// The secret's identifier.
    pub id: Uuid,
    /// What it is: a key and a federated credential expire too.
    pub kind: CredentialKind,
    /// Its name.
    pub name: String,
    /// The first three characters of the value.
    pub hint: String,
    /// Who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When it last obtained a token.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The source address of that request.
    pub last_used_from: Option<String>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct Row {
    id: String,
    kind: String,
    name: String,
    hint: String,
    created_by: String,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    last_used_at: Option<NaiveDateTime>,
    last_used_from: Option<String>,
    tried_after_expiry_at: Option<NaiveDateTime>,
    client_id: String,
    #[diesel(select_expression = applications::name)]
    application: String,
    #[diesel(select_expression = applications::enabled)]
    application_enabled: bool,
    #[diesel(select_expression = organisations::name)]
    organisation: String,
    #[diesel(select_expression = organisations::enabled)]
    organisation_enabled: bool,
}

impl Store {
    /// Undeleted secrets and other credentials, by expiry and id.
    pub async fn secret_report(&self, filter: ReportFilter) -> Result<Vec<ReportedSecret>, StoreError> {
        self.run(move |connection| {
            let mut query = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(client_secrets::deleted_at.is_null())
                .order((client_secrets::expires_at, client_secrets::id))
                .limit(filter.limit)
                .select(Row::as_select())
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
            let rows = query.load(connection)?;
            rows.into_iter().map(reported).collect()
        })
        .await
    }
}

fn reported(row: Row) -> Result<ReportedSecret, StoreError> {
    Ok(ReportedSecret {
        organisation_name: row.organisation,
        application_name: row.application,
        client_id: parse_id(&row.client_id)?,
        enabled: row.application_enabled && row.organisation_enabled,
        id: parse_id(&row.id)?,
        kind: CredentialKind::parse(&row.kind).ok_or(StoreError::Corrupt("kind"))?,
        name: row.name,
        hint: row.hint,
        created_by: row.created_by,
        created_at: row.created_at.and_utc(),
        expires_at: row.expires_at.and_utc(),
        last_used_at: row.last_used_at.map(|at| at.and_utc()),
        last_used_from: row.last_used_from,
        tried_after_expiry_at: row.tried_after_expiry_at.map(|at| at.and_utc()),
    })
}
