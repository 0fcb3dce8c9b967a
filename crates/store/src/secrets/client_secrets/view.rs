//! The view of a credential, and the row from which it is made.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use diesel::{OptionalExtension, prelude::*};
use domain::{
    credential::{CredentialKind, PublicPart},
    secret::{ClientSecret, LastUse, LeakReport, Origin},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{client_secrets, token_counts},
    },
    outbox::history::add_notifications,
};

/// Days of token counts in a view.
const DAYS_SHOWN: i64 = 30;

/// The row of a credential's view.
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
#[diesel(table_name = token_counts)]
struct CountRow {
    secret_id: String,
    day: NaiveDate,
    tokens: i64,
}

impl Store {
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

pub(super) fn add_counts(
    connection: &mut AnyConnection,
    secrets: &mut [ClientSecret],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = secrets.iter().map(|secret| secret.id.to_string()).collect();
    let first = (now - TimeDelta::days(DAYS_SHOWN - 1)).date_naive();
    let rows = token_counts::table
        .filter(token_counts::secret_id.eq_any(ids))
        .filter(token_counts::day.ge(first))
        .order(token_counts::day)
        .select(CountRow::as_select())
        .load(connection)?;
    let mut counts: HashMap<String, Vec<(NaiveDate, i64)>> = HashMap::new();
    for row in rows {
        let days = counts.entry(row.secret_id).or_default();
        days.push((row.day, row.tokens));
    }
    for secret in secrets {
        secret.tokens_per_day = counts.remove(&secret.id.to_string()).unwrap_or_default();
    }
    Ok(())
}
