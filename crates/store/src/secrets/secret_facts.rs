//! The facts from which reminders are planned and written, and the query for due secrets.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{credential::CredentialKind, reminder::STILL_TRIED, secret::ClientSecret};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{
            applications, client_secrets, mail_preferences, organisations, permissions, resources,
            token_counts,
        },
    },
    directory::managers::managers_of,
    outbox::history::add_notifications,
    secrets::client_secrets::{Row, secret},
};

/// How many days of use are loaded.
const DAYS_OF_USE: i64 = 90;

/// A secret with its context.
#[derive(Clone, Debug)]
pub struct SecretFacts {
    /// The secret, without its tokens per day.
    pub secret: ClientSecret,
    /// Its application.
    pub client_id: Uuid,
    /// The application's name.
    pub application: String,
    /// The organisation.
    pub organisation_id: Uuid,
    /// The organisation's name.
    pub organisation: String,
    /// The APIs that the application may call, such as `Match-Connect (sandbox)`.
    pub apis: Vec<String>,
    /// The smallest threshold already handled.
    pub reminded_days: i32,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The days in the last 90 on which it obtained tokens, oldest first.
    pub days_of_use: Vec<NaiveDate>,
    /// The application's newer live secrets that are in use.
    pub successors: Vec<Successor>,
    /// The enabled managers of the application.
    pub managers: Vec<Recipient>,
}

/// A newer credential of the same application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its name.
    pub name: String,
    /// Its kind: a key may succeed a secret.
    pub kind: CredentialKind,
    /// When it last obtained a token.
    pub last_used_at: DateTime<Utc>,
}

/// A possible recipient of mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The person.
    pub user_id: Uuid,
    /// The address.
    pub email: String,
    /// Whether the person wants urgent mail only.
    pub urgent_only: bool,
}

/// A selection of due secrets.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// Secrets that expire within this span and have no reminder at this threshold or below.
    Threshold {
        /// The threshold in days.
        days: i32,
        /// Exclusive.
        after: DateTime<Utc>,
        /// Inclusive.
        until: DateTime<Utc>,
    },
    /// Secrets presented after their expiry.
    StillTried,
}

impl Store {
    /// Due secrets of enabled applications, the first to expire first.
    pub async fn due_secrets(
        &self,
        due: Due,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<SecretFacts>, StoreError> {
        self.run_to_end(move |connection| {
            let live = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(client_secrets::deleted_at.is_null())
                .filter(applications::enabled.and(organisations::enabled));
            let ids: Vec<String> = match due {
                Due::Threshold { days, after, until } => live
                    .filter(client_secrets::expires_at.gt(after.naive_utc()))
                    .filter(client_secrets::expires_at.le(until.naive_utc()))
                    .filter(client_secrets::reminded_days.gt(days))
                    .order(client_secrets::expires_at)
                    .limit(limit)
                    .select(client_secrets::id)
                    .load(connection)?,
                Due::StillTried => live
                    .filter(client_secrets::tried_after_expiry_at.is_not_null())
                    .filter(client_secrets::expires_at.le(now.naive_utc()))
                    .filter(client_secrets::reminded_days.gt(STILL_TRIED))
                    .limit(limit)
                    .select(client_secrets::id)
                    .load(connection)?,
            };
            facts(connection, ids, now)
        })
        .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct FactsRow {
    #[diesel(embed)]
    secret: Row,
    client_id: String,
    reminded_days: i32,
    deleted_at: Option<NaiveDateTime>,
    #[diesel(select_expression = applications::name)]
    application: String,
    #[diesel(select_expression = organisations::id)]
    organisation_id: String,
    #[diesel(select_expression = organisations::name)]
    organisation: String,
}

/// The facts of these secrets, deleted ones included, the first to expire first.
pub(crate) fn facts(
    connection: &mut AnyConnection,
    ids: Vec<String>,
    now: DateTime<Utc>,
) -> Result<Vec<SecretFacts>, StoreError> {
    let rows = client_secrets::table
        .inner_join(applications::table.inner_join(organisations::table))
        .filter(client_secrets::id.eq_any(ids.clone()))
        .select(FactsRow::as_select())
        .order((client_secrets::expires_at, client_secrets::id))
        .load(connection)?;
    let around = Surroundings::load(connection, ids, &rows, now)?;
    let mut all = rows
        .into_iter()
        .map(|row| around.facts(row, now))
        .collect::<Result<Vec<_>, _>>()?;
    let mut secrets: Vec<ClientSecret> = all.iter().map(|one| one.secret.clone()).collect();
    add_notifications(connection, &mut secrets)?;
    for (one, secret) in all.iter_mut().zip(secrets) {
        one.secret = secret;
    }
    Ok(all)
}

/// A live secret of the same application that has been used.
#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct Sibling {
    client_id: String,
    name: String,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    last_used_at: Option<NaiveDateTime>,
    kind: String,
}

impl Sibling {
    fn as_successor(&self, of: &ClientSecret, now: DateTime<Utc>) -> Option<Successor> {
        let succeeds = self.created_at > of.created_at.naive_utc() && self.expires_at > now.naive_utc();
        let last_used_at = self.last_used_at.filter(|_| succeeds)?;
        Some(Successor {
            name: self.name.clone(),
            kind: CredentialKind::parse(&self.kind)?,
            last_used_at: last_used_at.and_utc(),
        })
    }
}

/// An API that an application may call.
#[derive(Queryable, Selectable)]
#[diesel(table_name = permissions)]
struct ApiRow {
    client_id: String,
    #[diesel(select_expression = resources::name)]
    name: String,
    #[diesel(select_expression = resources::environment)]
    environment: String,
}

/// Context shared by several secrets, by client id, and their days of use, by secret id.
struct Surroundings {
    days: HashMap<String, Vec<NaiveDate>>,
    apis: HashMap<String, Vec<String>>,
    siblings: HashMap<String, Vec<Sibling>>,
    managers: HashMap<Uuid, Vec<Recipient>>,
}

impl Surroundings {
    fn load(
        connection: &mut AnyConnection,
        ids: Vec<String>,
        rows: &[FactsRow],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut clients: Vec<String> = rows.iter().map(|row| row.client_id.clone()).collect();
        clients.sort_unstable();
        clients.dedup();
        let first = (now - TimeDelta::days(DAYS_OF_USE)).date_naive();
        let days: Vec<(String, NaiveDate)> = token_counts::table
            .filter(token_counts::secret_id.eq_any(ids))
            .filter(token_counts::day.ge(first))
            .select((token_counts::secret_id, token_counts::day))
            .order(token_counts::day)
            .load(connection)?;
        let apis = permissions::table
            .inner_join(resources::table.on(resources::id.eq(permissions::resource_id)))
            .filter(permissions::client_id.eq_any(clients.clone()))
            .select(ApiRow::as_select())
            .distinct()
            .order((permissions::client_id, resources::name, resources::environment))
            .load(connection)?;
        let siblings = client_secrets::table
            .filter(client_secrets::client_id.eq_any(clients.clone()))
            .filter(client_secrets::deleted_at.is_null())
            .filter(client_secrets::last_used_at.is_not_null())
            .select(Sibling::as_select())
            .order(client_secrets::created_at)
            .load(connection)?;
        let named = |api: ApiRow| (api.client_id, format!("{} ({})", api.name, api.environment));
        Ok(Self {
            days: grouped(days),
            apis: grouped(apis.into_iter().map(named)),
            siblings: grouped(siblings.into_iter().map(|one| (one.client_id.clone(), one))),
            managers: recipients(connection, &clients)?,
        })
    }

    fn facts(&self, row: FactsRow, now: DateTime<Utc>) -> Result<SecretFacts, StoreError> {
        let secret = secret(row.secret)?;
        let client_id = parse_id(&row.client_id)?;
        let siblings = self.siblings.get(&row.client_id).into_iter().flatten();
        Ok(SecretFacts {
            days_of_use: self.days.get(&secret.id.to_string()).cloned().unwrap_or_default(),
            apis: self.apis.get(&row.client_id).cloned().unwrap_or_default(),
            successors: siblings
                .filter_map(|one| one.as_successor(&secret, now))
                .collect(),
            managers: self.managers.get(&client_id).cloned().unwrap_or_default(),
            client_id,
            application: row.application,
            organisation_id: parse_id(&row.organisation_id)?,
            organisation: row.organisation,
            reminded_days: row.reminded_days,
            deleted: row.deleted_at.is_some(),
            secret,
        })
    }
}

fn grouped<T>(rows: impl IntoIterator<Item = (String, T)>) -> HashMap<String, Vec<T>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for (key, value) in rows {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// The enabled managers of these applications.
pub(crate) fn recipients(
    connection: &mut AnyConnection,
    clients: &[String],
) -> Result<HashMap<Uuid, Vec<Recipient>>, StoreError> {
    let managers = managers_of(connection, clients)?;
    let users: Vec<String> = managers
        .iter()
        .map(|one| one.assignment.user_id.to_string())
        .collect();
    let quiet: HashSet<String> = mail_preferences::table
        .filter(mail_preferences::user_id.eq_any(users))
        .filter(mail_preferences::urgent_only)
        .select(mail_preferences::user_id)
        .load(connection)?
        .into_iter()
        .collect();
    let mut by_client: HashMap<Uuid, Vec<Recipient>> = HashMap::new();
    for one in managers.into_iter().filter(|one| one.enabled) {
        let user_id = one.assignment.user_id;
        by_client
            .entry(one.assignment.client_id)
            .or_default()
            .push(Recipient {
                user_id,
                email: one.email,
                urgent_only: quiet.contains(&user_id.to_string()),
            });
    }
    Ok(by_client)
}
