//! Secrets reported as leaked: the response, and the list of reports.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, credential::CredentialKind, organisation_policy::OnLeak, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    attention::Named,
    database::{
        ids::parse_id,
        schema::{applications, client_secrets, organisations},
    },
    outbox::{
        plans::MailKind,
        secret_notices::{CredentialNotice, notify_managers},
        webhook_deliveries,
    },
    secrets::{
        attention::{NameRow, named},
        client_secrets::delete,
        suspension::suspend,
    },
};

/// The longest suspension; see `domain::suspension`.
const LONGEST_SUSPENSION: TimeDelta = TimeDelta::days(7);

/// A leak report, and who is notified besides the managers.
#[derive(Clone, Debug)]
pub struct Report {
    /// The reporter's source address.
    pub from: String,
    /// The WMDA team's address.
    pub team: Option<String>,
}

/// A reported secret.
#[derive(Clone, Debug)]
pub struct LeakedSecret {
    /// Its application.
    pub application: Named,
    /// Its identifier.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was first reported.
    pub reported_at: DateTime<Utc>,
    /// The reporter's source address.
    pub reported_from: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Until when it is suspended, if it was.
    pub suspended_until: Option<DateTime<Utc>>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct LeakRow {
    #[diesel(embed)]
    application: NameRow,
    id: String,
    name: String,
    expires_at: NaiveDateTime,
    suspended_until: Option<NaiveDateTime>,
    deleted_at: Option<NaiveDateTime>,
    leak_reported_at: Option<NaiveDateTime>,
    leak_reported_from: Option<String>,
}

impl Store {
    /// Suspends (for the longest time allowed) or deletes a leaked secret, as the policy says, and records the report
    /// in the same transaction. Notifies managers, the team at its address, and webhooks.
    pub async fn end_leaked_secret(
        &self,
        (client_id, secret_id): (Uuid, Uuid),
        (on_leak, report): (OnLeak, Report),
        now: DateTime<Utc>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let event = entry.event.clone();
        self.change(Some(client_id), entry, move |connection| {
            let row = (
                client_secrets::leak_reported_at.eq(Some(now.naive_utc())),
                client_secrets::leak_reported_from.eq(Some(report.from)),
            );
            let unreported = client_secrets::table
                .find(secret_id.to_string())
                .filter(client_secrets::leak_reported_at.is_null());
            diesel::update(unreported).set(row).execute(connection)?;
            let kind = CredentialKind::Secret;
            match on_leak {
                OnLeak::Delete => delete(connection, (kind, client_id, secret_id), now)?,
                OnLeak::Suspend => {
                    let until = Some(now + LONGEST_SUSPENSION);
                    suspend(connection, (kind, client_id, secret_id), until, now)?;
                    webhook_deliveries::queue(connection, secret_id, WebhookEvent::Suspended, now)?;
                }
            }
            let notice = CredentialNotice {
                secret_id,
                kind: MailKind::SecretLeaked,
                actor: &event.actor,
                source: &event.source,
                is_urgent: true,
            };
            notify_managers(connection, &notice, report.team.as_deref(), now)
        })
        .await
    }

    /// Secrets of enabled applications reported since an instant, deleted ones included, the latest first; at most
    /// `limit`.
    pub async fn leaked_secrets(
        &self,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<LeakedSecret>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(applications::enabled.and(organisations::enabled))
                .filter(client_secrets::leak_reported_at.ge(since.naive_utc()))
                .order((client_secrets::leak_reported_at.desc(), client_secrets::id))
                .limit(limit)
                .select(LeakRow::as_select())
                .load(connection)?;
            rows.into_iter().map(leaked).collect()
        })
        .await
    }
}

fn leaked(row: LeakRow) -> Result<LeakedSecret, StoreError> {
    Ok(LeakedSecret {
        application: named(row.application)?,
        id: parse_id(&row.id)?,
        name: row.name,
        reported_at: row.leak_reported_at.unwrap_or_default().and_utc(),
        reported_from: row.leak_reported_from.unwrap_or_default(),
        expires_at: row.expires_at.and_utc(),
        suspended_until: row.suspended_until.map(|until| until.and_utc()),
        deleted_at: row.deleted_at.map(|at| at.and_utc()),
    })
}
