//! Every query, written once for both databases.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::{
    application::{Application, ApplicationName},
    client::{Client, Grant, SecretDigest},
    organisation::Organisation,
    pepper::{Digest, Pepper},
    resource::Resource,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    connection::AnyConnection,
    schema::{
        applications, change_counter, changes, client_secrets, organisations, pepper_checks, permissions,
        resource_roles, resources, token_counts,
    },
    usage::Usage,
};

/// A secret to be stored; its value is already only a digest.
#[derive(Clone, Debug)]
pub struct NewClientSecret {
    /// Permanent identifier.
    pub id: Uuid,
    /// The application it belongs to.
    pub client_id: Uuid,
    /// What the manager calls it.
    pub name: String,
    /// The first three characters of the value.
    pub hint: String,
    /// Pepper version and digest.
    pub digest: (i32, Digest),
    /// Who creates it.
    pub created_by: String,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// What a deletion found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedOutcome {
    /// It was there and is gone.
    Deleted,
    /// It was not there.
    Absent,
}

/// The client that a lookup found, and the version of the data that it shows at least.
pub(crate) struct LoadedClient {
    pub(crate) version: i64,
    pub(crate) client: Option<Client>,
}

/// How many changes are remembered.
const CHANGES_KEPT: i64 = 10_000;

/// What changed since a version.
pub(crate) struct Changes {
    pub(crate) version: i64,
    /// `None`: everything may have changed.
    pub(crate) clients: Option<Vec<Uuid>>,
}

impl Store {
    /// Adds an organisation.
    pub async fn create_organisation(&self, new: Organisation) -> Result<(), StoreError> {
        self.run(move |connection| {
            let row = (
                organisations::id.eq(new.id.to_string()),
                organisations::name.eq(new.name),
                organisations::country_code.eq(new.country_code),
                organisations::enabled.eq(new.enabled),
            );
            diesel::insert_into(organisations::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Finds an organisation by its unique name.
    pub async fn organisation_named(&self, name: String) -> Result<Option<Uuid>, StoreError> {
        self.run(move |connection| {
            let id = organisations::table
                .filter(organisations::name.eq(name))
                .select(organisations::id);
            id.first::<String>(connection)
                .optional()?
                .as_deref()
                .map(parse_id)
                .transpose()
        })
        .await
    }

    /// Adds an application.
    pub async fn create_application(&self, new: Application) -> Result<(), StoreError> {
        self.run(move |connection| {
            let row = (
                applications::client_id.eq(new.client_id.to_string()),
                applications::organisation_id.eq(new.organisation_id.to_string()),
                applications::name.eq(new.name.to_string()),
                applications::enabled.eq(new.enabled),
            );
            diesel::insert_into(applications::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Finds an application by its unique name.
    pub async fn application_named(&self, name: String) -> Result<Option<Uuid>, StoreError> {
        self.run(move |connection| {
            let id = applications::table
                .filter(applications::name.eq(name))
                .select(applications::client_id);
            id.first::<String>(connection)
                .optional()?
                .as_deref()
                .map(parse_id)
                .transpose()
        })
        .await
    }

    /// Whether an application and its organisation are enabled; for the errors of the Entra routes, never for
    /// authentication.
    pub async fn application_enabled(&self, client_id: Uuid) -> Result<Option<bool>, StoreError> {
        self.run(move |connection| {
            let row = applications::table
                .inner_join(organisations::table)
                .filter(applications::client_id.eq(client_id.to_string()))
                .select((applications::enabled, organisations::enabled))
                .first::<(bool, bool)>(connection)
                .optional()?;
            Ok(row.map(|(own, owner)| own && owner))
        })
        .await
    }

    /// Enables or disables an organisation with all of its applications, like [`Store::set_application_enabled`].
    pub async fn set_organisation_enabled(&self, id: Uuid, enabled: bool) -> Result<(), StoreError> {
        self.change(None, move |connection| {
            let target = diesel::update(organisations::table.find(id.to_string()));
            match target
                .set(organisations::enabled.eq(enabled))
                .execute(connection)?
            {
                0 => Err(StoreError::Missing),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Enables or disables an application. Once [`crate::memory::ClientMemory::settle`] has passed, every node knows.
    pub async fn set_application_enabled(&self, client_id: Uuid, enabled: bool) -> Result<(), StoreError> {
        self.change(Some(client_id), move |connection| {
            let target = diesel::update(applications::table.find(client_id.to_string()));
            match target
                .set(applications::enabled.eq(enabled))
                .execute(connection)?
            {
                0 => Err(StoreError::Missing),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Adds a resource with its roles.
    pub async fn create_resource(&self, new: Resource) -> Result<(), StoreError> {
        self.change(None, move |connection| {
            let id = new.id.to_string();
            let row = (
                resources::id.eq(&id),
                resources::uri.eq(new.uri),
                resources::name.eq(new.name),
                resources::environment.eq(new.environment.as_str()),
                resources::token_lifetime_seconds.eq(new.token_lifetime_seconds),
                resources::signing_algorithm.eq(new.signing_algorithm.map(|algorithm| algorithm.to_string())),
            );
            diesel::insert_into(resources::table)
                .values(row)
                .execute(connection)?;
            for role in new.roles {
                let row = (resource_roles::resource_id.eq(&id), resource_roles::role.eq(role));
                diesel::insert_into(resource_roles::table)
                    .values(row)
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// Every resource, by name and environment.
    pub async fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        self.run(|connection| {
            let ids = resources::table
                .select(resources::id)
                .order((resources::name, resources::environment));
            ids.load::<String>(connection)?
                .iter()
                .map(|id| load_resource(connection, id))
                .collect()
        })
        .await
    }

    /// Grants roles on a resource to an application; a role that it has already stays.
    pub async fn grant(
        &self,
        client_id: Uuid,
        resource_id: Uuid,
        roles: Vec<String>,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), move |connection| {
            let (client, resource) = (client_id.to_string(), resource_id.to_string());
            let name: String = applications::table
                .find(&client)
                .select(applications::name)
                .first(connection)?;
            if !parse_name(&name)?.may_use(&load_resource(connection, &resource)?) {
                return Err(StoreError::Forbidden(
                    "a PartnerAlternative application works in the Match-Connect sandbox only",
                ));
            }
            for role in roles {
                let key = (client.as_str(), resource.as_str(), role.as_str());
                if permissions::table
                    .find(key)
                    .count()
                    .get_result::<i64>(connection)?
                    == 0
                {
                    let row = (
                        permissions::client_id.eq(key.0),
                        permissions::resource_id.eq(key.1),
                        permissions::role.eq(key.2),
                    );
                    diesel::insert_into(permissions::table)
                        .values(row)
                        .execute(connection)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Stores a secret; the next request on any node can use it.
    pub async fn create_secret(&self, new: NewClientSecret) -> Result<(), StoreError> {
        self.change(Some(new.client_id), move |connection| {
            let status_index = take_status_index(connection)?;
            let row = (
                client_secrets::id.eq(new.id.to_string()),
                client_secrets::client_id.eq(new.client_id.to_string()),
                client_secrets::name.eq(new.name),
                client_secrets::hint.eq(new.hint),
                client_secrets::digest.eq(new.digest.1.to_vec()),
                client_secrets::pepper_version.eq(new.digest.0),
                client_secrets::created_by.eq(new.created_by),
                client_secrets::created_at.eq(new.created_at.naive_utc()),
                client_secrets::expires_at.eq(new.expires_at.naive_utc()),
                client_secrets::status_index.eq(status_index),
            );
            diesel::insert_into(client_secrets::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Deletes a secret of this application. The promise holds once [`crate::memory::ClientMemory::settle`] has passed.
    pub async fn delete_secret(
        &self,
        client_id: Uuid,
        secret_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<DeletedOutcome, StoreError> {
        self.change(Some(client_id), move |connection| {
            let live = client_secrets::table
                .filter(client_secrets::id.eq(secret_id.to_string()))
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::deleted_at.is_null());
            let gone = client_secrets::deleted_at.eq(Some(now.naive_utc()));
            let rows = diesel::update(live).set(gone).execute(connection)?;
            Ok(if rows == 0 {
                DeletedOutcome::Absent
            } else {
                DeletedOutcome::Deleted
            })
        })
        .await
    }

    /// The ids of a client's secrets of this name that are not deleted.
    pub async fn secrets_named(&self, client_id: Uuid, name: String) -> Result<Vec<Uuid>, StoreError> {
        self.run(move |connection| {
            let ids = client_secrets::table
                .filter(client_secrets::client_id.eq(client_id.to_string()))
                .filter(client_secrets::name.eq(name))
                .filter(client_secrets::deleted_at.is_null())
                .select(client_secrets::id);
            ids.load::<String>(connection)?
                .iter()
                .map(|id| parse_id(id))
                .collect()
        })
        .await
    }

    /// When a secret was last used, and how many tokens it has issued in all.
    pub async fn usage(&self, secret_id: Uuid) -> Result<(Option<DateTime<Utc>>, i64), StoreError> {
        self.run(move |connection| {
            let id = secret_id.to_string();
            let last: Option<NaiveDateTime> = client_secrets::table
                .find(&id)
                .select(client_secrets::last_used_at)
                .first(connection)?;
            let counts = token_counts::table
                .filter(token_counts::secret_id.eq(&id))
                .select(token_counts::tokens);
            Ok((
                last.map(|at| at.and_utc()),
                counts.load::<i64>(connection)?.into_iter().sum(),
            ))
        })
        .await
    }

    /// Whether a presented value is the id of one of the client's secrets: a mistake that the log names.
    pub async fn is_secret_id(&self, client_id: Uuid, value: Uuid) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .filter(client_secrets::id.eq(value.to_string()))
                .filter(client_secrets::client_id.eq(client_id.to_string()));
            Ok(rows.count().get_result::<i64>(connection)? > 0)
        })
        .await
    }

    /// Adds gathered usage to what is stored.
    pub(crate) async fn add_usage(&self, gathered: Vec<(Uuid, Usage)>) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.transaction(|connection| {
                gathered
                    .iter()
                    .try_for_each(|(id, usage)| add_usage(connection, *id, usage))
            })
        })
        .await
    }

    /// The client that one of these digests belongs to: the work is the same for an unknown client and a wrong secret.
    pub(crate) async fn load_client(&self, digests: Vec<Digest>) -> Result<LoadedClient, StoreError> {
        self.run(move |connection| {
            let version = current_version(connection)?;
            let found = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(applications::enabled.and(organisations::enabled))
                .filter(
                    client_secrets::digest.eq_any(
                        digests
                            .into_iter()
                            .map(|digest| digest.to_vec())
                            .collect::<Vec<_>>(),
                    ),
                )
                .filter(client_secrets::deleted_at.is_null())
                .select(client_secrets::client_id)
                .first::<String>(connection)
                .optional()?;
            let client = found
                .map(|client_id| load_client(connection, &client_id))
                .transpose()?;
            Ok(LoadedClient { version, client })
        })
        .await
    }

    /// The status indexes from `first` on, `count` of them, whose secrets are deleted or belong to somebody disabled.
    pub async fn invalid_status_indexes(&self, first: i64, count: i64) -> Result<Vec<i64>, StoreError> {
        self.run(move |connection| {
            let dead = client_secrets::deleted_at
                .is_not_null()
                .or(applications::enabled.and(organisations::enabled).eq(false));
            let indexes = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(client_secrets::status_index.ge(first))
                .filter(client_secrets::status_index.lt(first + count))
                .filter(dead)
                .select(client_secrets::status_index);
            Ok(indexes.load(connection)?)
        })
        .await
    }

    /// What changed after `since`.
    pub(crate) async fn changes_since(&self, since: i64) -> Result<Changes, StoreError> {
        self.run_ahead(move |connection| {
            let version = current_version(connection)?;
            if version == since {
                return Ok(Changes {
                    version,
                    clients: Some(Vec::new()),
                });
            }
            if since == 0 {
                return Ok(Changes {
                    version,
                    clients: None,
                });
            }
            let rows = changes::table
                .filter(changes::version.gt(since).and(changes::version.le(version)))
                .load::<(i64, Option<String>)>(connection)?;
            // A version without its row, or one that concerns all: forget everything.
            let complete = i64::try_from(rows.len()).is_ok_and(|known| known == version - since);
            let clients: Option<Vec<Uuid>> = rows
                .into_iter()
                .map(|(_, client)| client.and_then(|id| parse_id(&id).ok()))
                .collect();
            Ok(Changes {
                version,
                clients: clients.filter(|_| complete),
            })
        })
        .await
    }

    /// A change that bears on tokens: bumps the counter first, whose row lock orders all changes by their commit.
    async fn change<T: Send + 'static>(
        &self,
        client_id: Option<Uuid>,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |connection| {
            connection.transaction(|connection| {
                diesel::update(change_counter::table)
                    .set(change_counter::version.eq(change_counter::version + 1))
                    .execute(connection)?;
                let version = current_version(connection)?;
                let row = (
                    changes::version.eq(version),
                    changes::client_id.eq(client_id.map(|id| id.to_string())),
                );
                diesel::insert_into(changes::table)
                    .values(row)
                    .execute(connection)?;
                // A node that slept through more than these forgets everything.
                let outlived = changes::table.filter(changes::version.le(version - CHANGES_KEPT));
                diesel::delete(outlived).execute(connection)?;
                body(connection)
            })
        })
        .await
    }
}

/// Compares check values with the stored ones, and stores those of new versions.
pub(crate) fn verify_pepper(connection: &mut AnyConnection, pepper: &Pepper) -> Result<(), StoreError> {
    for (version, value) in pepper.check_values() {
        let row = (
            pepper_checks::version.eq(version),
            pepper_checks::check_value.eq(value.to_vec()),
        );
        match diesel::insert_into(pepper_checks::table)
            .values(row)
            .execute(connection)
            .map_err(StoreError::from)
        {
            Ok(_) => {}
            Err(StoreError::Conflict) => {
                let known: Vec<u8> = pepper_checks::table
                    .find(version)
                    .select(pepper_checks::check_value)
                    .first(connection)?;
                if known != value {
                    return Err(StoreError::WrongPepper(version));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn current_version(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(change_counter::table
        .select(change_counter::version)
        .first(connection)?)
}

/// Gives out a status index; the caller's transaction holds the counter's row, so no index is given twice.
fn take_status_index(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let index = change_counter::table
        .select(change_counter::next_status_index)
        .first(connection)?;
    diesel::update(change_counter::table)
        .set(change_counter::next_status_index.eq(change_counter::next_status_index + 1))
        .execute(connection)?;
    Ok(index)
}

fn load_client(connection: &mut AnyConnection, client_id: &str) -> Result<Client, StoreError> {
    let name: String = applications::table
        .find(client_id)
        .select(applications::name)
        .first(connection)?;
    let secrets = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id))
        .filter(client_secrets::deleted_at.is_null())
        .select((
            client_secrets::id,
            client_secrets::digest,
            client_secrets::expires_at,
            client_secrets::status_index,
        ))
        .load::<SecretRow>(connection)?;
    Ok(Client {
        client_id: parse_id(client_id)?,
        secrets: secrets.into_iter().map(secret_digest).collect::<Result<_, _>>()?,
        grants: load_grants(connection, client_id, &parse_name(&name)?)?,
    })
}

type SecretRow = (String, Vec<u8>, NaiveDateTime, i64);

fn secret_digest((id, digest, expires_at, status_index): SecretRow) -> Result<SecretDigest, StoreError> {
    let digest = digest.try_into().map_err(|_| StoreError::Corrupt("digest"))?;
    Ok(SecretDigest {
        id: parse_id(&id)?,
        digest,
        expires_at: expires_at.and_utc(),
        status_index,
    })
}

fn load_grants(
    connection: &mut AnyConnection,
    client_id: &str,
    name: &ApplicationName,
) -> Result<Vec<Arc<Grant>>, StoreError> {
    let rows = permissions::table
        .filter(permissions::client_id.eq(client_id))
        .select((permissions::resource_id, permissions::role))
        .load::<(String, String)>(connection)?;
    let mut by_resource: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (resource, role) in rows {
        by_resource.entry(resource).or_default().push(role);
    }
    let mut grants = Vec::with_capacity(by_resource.len());
    for (resource, mut roles) in by_resource {
        let resource = load_resource(connection, &resource)?;
        if name.may_use(&resource) {
            roles.sort();
            let scope = roles.join(" ");
            grants.push(Arc::new(Grant {
                resource,
                roles,
                scope,
            }));
        }
    }
    Ok(grants)
}

fn load_resource(connection: &mut AnyConnection, id: &str) -> Result<Resource, StoreError> {
    type Row = (Option<String>, String, String, Option<i64>, Option<String>);
    let (uri, name, environment, token_lifetime_seconds, algorithm) = resources::table
        .find(id)
        .select((
            resources::uri,
            resources::name,
            resources::environment,
            resources::token_lifetime_seconds,
            resources::signing_algorithm,
        ))
        .first::<Row>(connection)?;
    let roles = resource_roles::table
        .filter(resource_roles::resource_id.eq(id))
        .select(resource_roles::role);
    Ok(Resource {
        id: parse_id(id)?,
        uri,
        name,
        environment: environment
            .parse()
            .map_err(|_| StoreError::Corrupt("environment"))?,
        token_lifetime_seconds,
        signing_algorithm: algorithm
            .map(|name| name.parse())
            .transpose()
            .map_err(|_| StoreError::Corrupt("signing algorithm"))?,
        roles: roles.order(resource_roles::role).load(connection)?,
    })
}

fn add_usage(connection: &mut AnyConnection, secret_id: Uuid, usage: &Usage) -> Result<(), StoreError> {
    let id = secret_id.to_string();
    let seen = usage.last_used_at.naive_utc();
    // The parent row first: its lock orders the nodes that add to the same day.
    let newer = client_secrets::table.filter(client_secrets::id.eq(&id)).filter(
        client_secrets::last_used_at
            .is_null()
            .or(client_secrets::last_used_at.le(seen)),
    );
    let last = (
        client_secrets::last_used_at.eq(Some(seen)),
        client_secrets::last_used_from.eq(Some(&usage.source)),
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

fn parse_id(text: &str) -> Result<Uuid, StoreError> {
    Uuid::try_parse(text).map_err(|_| StoreError::Corrupt("identifier"))
}

fn parse_name(text: &str) -> Result<ApplicationName, StoreError> {
    ApplicationName::parse(text).map_err(|_| StoreError::Corrupt("application name"))
}
