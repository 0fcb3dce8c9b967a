//! Queries of the token path, and the usage that it reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{Connection, OptionalExtension, dsl::exists, prelude::*};
use domain::{
    application::ApplicationName,
    client::{Client, Grant, GrantedResource},
    credential::{Credential, CredentialKind, Proof},
    digest::Digest,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::usage::Usage,
    database::{
        connection::AnyConnection,
        ids::{parse_id, parse_name},
        schema::{
            applications, change_counter, client_secrets, organisations, permissions, resources, token_counts,
        },
    },
    directory::{
        networks,
        resources::{parse_algorithm, parse_environment},
    },
};

diesel::alias!(const PRESENTED: Alias<Presented> = client_secrets as presented);

/// A loaded client, and the version of the data that it reflects.
pub(crate) struct LoadedClient {
    pub(crate) version: i64,
    pub(crate) client: Client,
}

/// Why a client's secret did not authenticate: the state of the client, and whether the secret is one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct ClientStanding {
    /// Whether the application exists.
    pub known: bool,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its organisation is enabled.
    pub organisation_enabled: bool,
    /// Whether one of the digests is that of a secret of this client, deleted or not.
    pub matches: bool,
}

/// The stored secret whose value was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedSecret {
    /// Its id.
    pub id: Uuid,
    /// Its stored digest.
    pub digest: Digest,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl Store {
    /// Diagnoses a failed client authentication, for the log and Entra's error codes, never to authenticate. One
    /// query whose answer has the same size whatever the cause.
    pub async fn client_standing(
        &self,
        client_id: Uuid,
        digests: Vec<Digest>,
    ) -> Result<ClientStanding, StoreError> {
        self.run(move |connection| {
            let known = || {
                applications::table
                    .inner_join(organisations::table)
                    .filter(applications::client_id.eq(client_id.to_string()))
            };
            let matching = client_secrets::table
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
                .filter(client_secrets::digest.eq_any(bytes(digests)));
            let answer = diesel::select((
                exists(known()),
                exists(known().filter(applications::enabled)),
                exists(known().filter(organisations::enabled)),
                exists(matching),
            ));
            Ok(answer.get_result(connection)?)
        })
        .await
    }

    /// The client's secret, deleted or not, that one of the digests matches. Reached only by callers that present its
    /// value.
    pub async fn matched_secret(
        &self,
        client_id: Uuid,
        digests: Vec<Digest>,
    ) -> Result<Option<MatchedSecret>, StoreError> {
        self.run(move |connection| {
            let row = client_secrets::table
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
                .filter(client_secrets::digest.eq_any(bytes(digests)))
                .select(MatchedRow::as_select())
                .first(connection)
                .optional()?;
            row.map(|row| {
                Ok(MatchedSecret {
                    id: parse_id(&row.id)?,
                    digest: stored_digest(row.digest)?,
                    deleted: row.deleted_at.is_some(),
                })
            })
            .transpose()
        })
        .await
    }

    /// Whether a presented value is the id of one of the client's secrets, a mistake that the log names.
    pub async fn is_secret_id(&self, client_id: Uuid, value: Uuid) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .filter(client_secrets::id.eq(value.to_string()))
                .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
                .filter(client_secrets::client_id.eq(client_id.to_string()));
            Ok(rows.count().get_result::<i64>(connection)? > 0)
        })
        .await
    }

    /// Adds collected usage to the stored counters, all or nothing.
    pub(crate) async fn add_usage(&self, gathered: Vec<(Uuid, Usage)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                gathered
                    .iter()
                    .try_for_each(|(id, usage)| add_usage(connection, *id, usage))
            })
        })
        .await
    }

    /// The client to which one of these digests belongs, in one query: the same work for an unknown client and a
    /// wrong secret.
    pub(crate) async fn load_client(&self, digests: Vec<Digest>) -> Result<Option<LoadedClient>, StoreError> {
        self.run(move |connection| {
            let rows = enabled_clients()
                .filter(applications::client_id.eq_any(holders(bytes(digests))))
                .select(ClientRow::as_select())
                .load(connection)?;
            one_client(rows)
        })
        .await
    }

    /// The client with this id, if it and its organisation are enabled.
    pub(crate) async fn load_client_by_id(
        &self,
        client_id: Uuid,
    ) -> Result<Option<LoadedClient>, StoreError> {
        self.run(move |connection| {
            let rows = enabled_clients()
                .filter(applications::client_id.eq(client_id.to_string()))
                .select(ClientRow::as_select())
                .load(connection)?;
            one_client(rows)
        })
        .await
    }

    /// The first unused status index.
    pub async fn next_status_index(&self) -> Result<i64, StoreError> {
        self.run(|connection| {
            Ok(change_counter::table
                .select(change_counter::next_status_index)
                .first(connection)?)
        })
        .await
    }

    /// Among `count` status indexes from `first`, those whose tokens are INVALID (credential deleted, or application
    /// or organisation disabled) or SUSPENDED.
    pub async fn status_indexes(
        &self,
        (first, count): (i64, i64),
        now: DateTime<Utc>,
    ) -> Result<Vec<(i64, TokenStatus)>, StoreError> {
        self.run(move |connection| {
            let dead = client_secrets::deleted_at
                .is_not_null()
                .or(applications::enabled.and(organisations::enabled).eq(false));
            let suspended = client_secrets::suspended_until.gt(now.naive_utc());
            let listed = || {
                client_secrets::table
                    .inner_join(applications::table.inner_join(organisations::table))
                    .filter(client_secrets::status_index.ge(first))
                    .filter(client_secrets::status_index.lt(first + count))
                    .select(client_secrets::status_index)
            };
            // In this order: a credential deleted between the two queries is missed by neither.
            let suspended: Vec<i64> = listed().filter(suspended).load(connection)?;
            let dead: Vec<i64> = listed().filter(dead).load(connection)?;
            let suspended = suspended.into_iter().map(|index| (index, TokenStatus::Suspended));
            let dead = dead.into_iter().map(|index| (index, TokenStatus::Invalid));
            // A credential in both lists is INVALID, as the later entry counts.
            Ok(suspended.chain(dead).collect())
        })
        .await
    }
}

fn bytes(digests: Vec<Digest>) -> Vec<Vec<u8>> {
    digests.into_iter().map(|digest| digest.to_vec()).collect()
}

/// Why tokens are invalid (draft-ietf-oauth-status-list-20 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// Permanently, or until the application or organisation is enabled again.
    Invalid,
    /// Temporarily.
    Suspended,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct MatchedRow {
    id: String,
    digest: Vec<u8>,
    deleted_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
struct ApplicationRow {
    client_id: String,
    name: String,
    profile: String,
    dpop_bound_access_tokens: bool,
    networks_mode: String,
    allowed_networks: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct CredentialRow {
    id: String,
    kind: String,
    digest: Vec<u8>,
    material: Option<String>,
    expires_at: NaiveDateTime,
    suspended_until: Option<NaiveDateTime>,
    status_index: i64,
    self_rotated: bool,
    first_used_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = resources)]
struct ResourceRow {
    id: String,
    uri: Option<String>,
    name: String,
    environment: String,
    token_lifetime_seconds: Option<i64>,
    signing_algorithm: Option<String>,
}

#[derive(Queryable, Selectable)]
struct GrantRow {
    #[diesel(select_expression = permissions::role)]
    role: String,
    #[diesel(embed)]
    resource: ResourceRow,
}

/// The client joined with each pair of credential and granted role.
#[derive(Queryable, Selectable)]
struct ClientRow {
    #[diesel(select_expression = change_counter::table.select(change_counter::version).single_value().assume_not_null())]
    version: i64,
    #[diesel(embed)]
    application: ApplicationRow,
    #[diesel(embed)]
    credential: Option<CredentialRow>,
    #[diesel(embed)]
    grant: Option<GrantRow>,
}

/// Everything that the token path needs of clients, in one statement and so from one snapshot.
#[diesel::dsl::auto_type]
fn enabled_clients() -> _ {
    let kept = client_secrets::client_id
        .eq(applications::client_id)
        .and(client_secrets::deleted_at.is_null());
    applications::table
        .inner_join(organisations::table)
        .left_join(client_secrets::table.on(kept))
        // One after the other: SQLite would read all permissions for a join within the join.
        .left_join(permissions::table.on(permissions::client_id.eq(applications::client_id)))
        .left_join(resources::table.on(resources::id.nullable().eq(permissions::resource_id.nullable())))
        .filter(applications::enabled.and(organisations::enabled))
}

/// The ids of the clients whose secret has one of these digests.
#[diesel::dsl::auto_type]
fn holders(digests: Vec<Vec<u8>>) -> _ {
    let digest = PRESENTED.field(client_secrets::digest);
    let deleted_at = PRESENTED.field(client_secrets::deleted_at);
    let kind = PRESENTED.field(client_secrets::kind);
    let secret: &'static str = CredentialKind::Secret.as_str();
    PRESENTED
        .filter(digest.eq_any(digests))
        .filter(deleted_at.is_null())
        .filter(kind.eq(secret))
        .select(PRESENTED.field(client_secrets::client_id))
}

fn one_client(rows: Vec<ClientRow>) -> Result<Option<LoadedClient>, StoreError> {
    let (mut first, mut credentials, mut granted) = (None, BTreeMap::new(), BTreeMap::new());
    for row in rows {
        first.get_or_insert((row.version, row.application));
        if let Some(row) = row.credential {
            credentials.entry(row.id.clone()).or_insert(row);
        }
        if let Some(GrantRow { role, resource }) = row.grant {
            let (_, roles) = granted
                .entry(resource.id.clone())
                .or_insert_with(|| (resource, BTreeSet::new()));
            roles.insert(role);
        }
    }
    let Some((version, row)) = first else {
        return Ok(None);
    };
    let credentials = credentials.into_values().map(credential);
    let credentials: Vec<Option<Credential>> = credentials.collect::<Result<_, _>>()?;
    let client = Client {
        client_id: parse_id(&row.client_id)?,
        profile: row.profile.parse().map_err(|_| StoreError::Corrupt("profile"))?,
        credentials: credentials.into_iter().flatten().collect(),
        grants: grants(granted, &parse_name(&row.name)?)?,
        dpop_bound_access_tokens: row.dpop_bound_access_tokens,
        networks: networks::stored(&row.networks_mode, &row.allowed_networks)?,
    };
    Ok(Some(LoadedClient { version, client }))
}

/// Grants, by resource id.
fn grants(
    granted: BTreeMap<String, (ResourceRow, BTreeSet<String>)>,
    name: &ApplicationName,
) -> Result<Vec<Arc<Grant>>, StoreError> {
    let mut grants = Vec::with_capacity(granted.len());
    for (resource, roles) in granted.into_values() {
        if name.may_use(&resource.name, parse_environment(&resource.environment)?) {
            let roles: Vec<String> = roles.into_iter().collect();
            grants.push(Arc::new(Grant {
                scope: roles.join(" "),
                roles,
                resource: GrantedResource {
                    id: parse_id(&resource.id)?,
                    uri: resource.uri,
                    token_lifetime_seconds: resource.token_lifetime_seconds,
                    signing_algorithm: parse_algorithm(resource.signing_algorithm)?,
                },
            }));
        }
    }
    Ok(grants)
}

/// Decodes a credential; `None` for a form that a later version wrote: the other credentials still count.
fn credential(row: CredentialRow) -> Result<Option<Credential>, StoreError> {
    let digest = stored_digest(row.digest)?;
    let Some(proof) = Proof::parse(&row.kind, digest, row.material.as_deref()) else {
        log::warn!(
            "the {} {} can't be read by this version, and proves nothing here",
            row.kind,
            row.id
        );
        return Ok(None);
    };
    Ok(Some(Credential {
        id: parse_id(&row.id)?,
        proof,
        expires_at: row.expires_at.and_utc(),
        suspended_until: row.suspended_until.map(|until| until.and_utc()),
        awaits_first_use: row.self_rotated && row.first_used_at.is_none(),
        status_index: row.status_index,
    }))
}

fn stored_digest(digest: Vec<u8>) -> Result<Digest, StoreError> {
    digest.try_into().map_err(|_| StoreError::Corrupt("digest"))
}

fn add_usage(connection: &mut AnyConnection, secret_id: Uuid, usage: &Usage) -> Result<(), StoreError> {
    let id = secret_id.to_string();
    let seen = usage.last_used_at.naive_utc();
    // The parent row first: its lock serialises nodes that add to the same day.
    let newer = client_secrets::table.filter(client_secrets::id.eq(&id)).filter(
        client_secrets::last_used_at
            .is_null()
            .or(client_secrets::last_used_at.le(seen)),
    );
    let last = (
        client_secrets::last_used_at.eq(Some(seen)),
        client_secrets::last_used_from.eq(Some(usage.source.to_string())),
        client_secrets::last_used_with.eq(Some(&usage.user_agent)),
    );
    diesel::update(newer).set(last).execute(connection)?;
    let day = seen.date();
    let added = diesel::update(token_counts::table.find((&id, day)))
        .set(token_counts::tokens.eq(token_counts::tokens + usage.tokens))
        .execute(connection)?;
    if added == 0 {
        let row = (
            token_counts::secret_id.eq(&id),
            token_counts::day.eq(day),
            token_counts::tokens.eq(usage.tokens),
        );
        diesel::insert_into(token_counts::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::{
        debug_query, sql_query,
        sql_types::Text,
        sqlite::{Sqlite, SqliteConnection},
    };
    use diesel_migrations::MigrationHarness;

    use super::*;
    use crate::database::migrations::SQLITE;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// How SQLite would find the clients.
    fn steps(query: &str) -> Vec<String> {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.run_pending_migrations(SQLITE).unwrap();
        let plan = sql_query(format!("EXPLAIN QUERY PLAN {query}"));
        let steps: Vec<Step> = plan.load(&mut connection).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    }

    #[test]
    fn a_client_is_found_by_indexes_alone_however_many_there_are() {
        let select = ClientRow::as_select;
        let by_id = enabled_clients().filter(applications::client_id.eq(String::new()));
        let by_digest = enabled_clients().filter(applications::client_id.eq_any(holders(vec![vec![0]])));
        for query in [
            debug_query::<Sqlite, _>(&by_id.select(select())).to_string(),
            debug_query::<Sqlite, _>(&by_digest.select(select())).to_string(),
        ] {
            let steps = steps(&query);
            // The counter is one row.
            let reads_all = |step: &&String| {
                step.starts_with("MATERIALIZE")
                    || step.starts_with("SCAN") && !step.ends_with("change_counter")
            };
            assert_eq!(steps.iter().find(reads_all), None, "{steps:?}");
            let finds = |table: &str| {
                steps
                    .iter()
                    .any(|step| step.starts_with(&format!("SEARCH {table} ")))
            };
            assert!(
                ["applications", "permissions", "resources"]
                    .into_iter()
                    .all(finds),
                "{steps:?}"
            );
        }
    }
}
