//! Resources and the permissions that applications have on them.

use diesel::prelude::*;
use domain::{
    audit::Entry,
    resource::{Environment, Resource, SigningAlgorithm},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::{parse_id, parse_name},
        schema::{applications, permissions, resource_roles, resources},
    },
    error::require_rows,
};

/// A partial update: an outer `None` keeps the old value, an inner one means the server's default.
#[derive(Clone, Debug, Default)]
pub struct ResourceChange {
    /// Token lifetime in seconds.
    pub token_lifetime_seconds: Option<Option<i64>>,
    /// The signing algorithm.
    pub signing_algorithm: Option<Option<SigningAlgorithm>>,
    /// Roles to be added.
    pub further_roles: Vec<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = resources)]
struct Row {
    uri: Option<String>,
    name: String,
    environment: String,
    token_lifetime_seconds: Option<i64>,
    signing_algorithm: Option<String>,
}

impl Store {
    /// Adds a resource with its roles.
    pub async fn create_resource(&self, new: Resource, entry: Entry) -> Result<(), StoreError> {
        self.change(None, entry, move |connection| {
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

    /// Changes token lifetime and signing algorithm of a resource, and adds roles. In force on every node once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn change_resource(
        &self,
        id: Uuid,
        change: ResourceChange,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(None, entry, move |connection| {
            let id = id.to_string();
            let old = load_resource(connection, &id)?;
            let lifetime = change
                .token_lifetime_seconds
                .unwrap_or(old.token_lifetime_seconds);
            let algorithm = change.signing_algorithm.unwrap_or(old.signing_algorithm);
            let new = (
                resources::token_lifetime_seconds.eq(lifetime),
                resources::signing_algorithm.eq(algorithm.map(|algorithm| algorithm.to_string())),
            );
            diesel::update(resources::table.find(&id))
                .set(new)
                .execute(connection)?;
            for role in change.further_roles {
                if !old.roles.contains(&role) {
                    let row = (resource_roles::resource_id.eq(&id), resource_roles::role.eq(role));
                    diesel::insert_into(resource_roles::table)
                        .values(row)
                        .execute(connection)?;
                }
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

    /// Grants roles on a resource to an application; roles granted before stay.
    pub async fn grant(
        &self,
        client_id: Uuid,
        resource_id: Uuid,
        roles: Vec<String>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let (client, resource) = (client_id.to_string(), resource_id.to_string());
            let name: String = applications::table
                .find(&client)
                .select(applications::name)
                .first(connection)?;
            let api = load_resource(connection, &resource)?;
            if !parse_name(&name)?.may_use(&api.name, api.environment) {
                return Err(StoreError::Forbidden(
                    "a PartnerAlternative application works in the Match-Connect sandbox only",
                ));
            }
            for role in roles {
                let known = permissions::table.find((&client, &resource, &role)).count();
                if known.get_result::<i64>(connection)? == 0 {
                    let row = (
                        permissions::client_id.eq(&client),
                        permissions::resource_id.eq(&resource),
                        permissions::role.eq(&role),
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

    /// One resource.
    pub async fn resource(&self, id: Uuid) -> Result<Option<Resource>, StoreError> {
        self.run(
            move |connection| match load_resource(connection, &id.to_string()) {
                Err(StoreError::Missing) => Ok(None),
                outcome => outcome.map(Some),
            },
        )
        .await
    }

    /// Revokes an application's roles on a resource. Once [`crate::clients::memory::ClientMemory::settle`] has
    /// returned, no node issues a token with them.
    pub async fn revoke(&self, client_id: Uuid, resource_id: Uuid, entry: Entry) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let granted = permissions::table
                .filter(permissions::client_id.eq(client_id.to_string()))
                .filter(permissions::resource_id.eq(resource_id.to_string()));
            require_rows(diesel::delete(granted).execute(connection)?)
        })
        .await
    }
}

pub(crate) fn load_resource(connection: &mut AnyConnection, id: &str) -> Result<Resource, StoreError> {
    let row = resources::table
        .find(id)
        .select(Row::as_select())
        .first(connection)?;
    let roles = resource_roles::table
        .filter(resource_roles::resource_id.eq(id))
        .select(resource_roles::role);
    Ok(Resource {
        id: parse_id(id)?,
        uri: row.uri,
        name: row.name,
        environment: parse_environment(&row.environment)?,
        token_lifetime_seconds: row.token_lifetime_seconds,
        signing_algorithm: parse_algorithm(row.signing_algorithm)?,
        roles: roles.order(resource_roles::role).load(connection)?,
    })
}

pub(crate) fn parse_environment(text: &str) -> Result<Environment, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("environment"))
}

pub(crate) fn parse_algorithm(name: Option<String>) -> Result<Option<SigningAlgorithm>, StoreError> {
    let parsed = name.map(|name| name.parse()).transpose();
    parsed.map_err(|_| StoreError::Corrupt("signing algorithm"))
}
