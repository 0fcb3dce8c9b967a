//! Resource servers: downstream APIs with credentials for introspection. Always read from the database.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{OptionalExtension, prelude::*};
use domain::{audit::Entry, digest::Digest, resource_server::ResourceServer};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{resource_server_resources, resource_servers, resources},
    },
    error::require_rows,
};

/// A resource server to be stored; of its secret only the digest is left.
#[derive(Clone, Debug)]
pub struct NewResourceServer {
    /// Permanent identifier, its client id.
    pub client_id: Uuid,
    /// What people call it; unique.
    pub name: String,
    /// Pepper version and digest.
    pub digest: (i32, Digest),
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// The resources whose tokens it may introspect.
    pub resources: Vec<Uuid>,
}

/// A resource server as shown to people.
#[derive(Clone, Debug)]
pub struct ResourceServerView {
    /// Its client id.
    pub client_id: Uuid,
    /// Unique.
    pub name: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// The resources whose tokens it may introspect.
    pub resources: Vec<Uuid>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = resource_servers)]
struct Row {
    client_id: String,
    name: String,
    created_at: NaiveDateTime,
}

impl Store {
    /// Adds a resource server. `Conflict`: its name is taken; `Missing`: a resource does not exist.
    pub async fn create_resource_server(
        &self,
        new: NewResourceServer,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| insert(connection, new))
            .await
    }

    /// Replaces a resource server's secret; the old one is invalid from now on.
    pub async fn set_resource_server_secret(
        &self,
        client_id: Uuid,
        (pepper_version, digest): (i32, Digest),
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let new = (
                resource_servers::digest.eq(digest.to_vec()),
                resource_servers::pepper_version.eq(pepper_version),
            );
            let target = resource_servers::table.find(client_id.to_string());
            require_rows(diesel::update(target).set(new).execute(connection)?)
        })
        .await
    }

    /// Every resource server, by name.
    pub async fn resource_servers(&self) -> Result<Vec<ResourceServerView>, StoreError> {
        self.run(|connection| {
            let rows = resource_servers::table
                .select(Row::as_select())
                .order(resource_servers::name)
                .load(connection)?;
            let view = |row: Row| {
                let resources = load_resources(connection, &row.client_id)?;
                Ok(ResourceServerView {
                    client_id: parse_id(&row.client_id)?,
                    name: row.name,
                    created_at: row.created_at.and_utc(),
                    resources: resources.into_iter().map(|(id, _)| id).collect(),
                })
            };
            rows.into_iter().map(view).collect()
        })
        .await
    }

    /// Deletes a resource server; its secret is invalid from now on.
    pub async fn delete_resource_server(&self, client_id: Uuid, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let id = client_id.to_string();
            let answers_for = resource_server_resources::client_id.eq(&id);
            diesel::delete(resource_server_resources::table.filter(answers_for)).execute(connection)?;
            require_rows(diesel::delete(resource_servers::table.find(&id)).execute(connection)?)
        })
        .await
    }

    /// Finds a resource server by its unique name.
    pub async fn resource_server_named(&self, name: String) -> Result<Option<Uuid>, StoreError> {
        self.run(move |connection| {
            let found = resource_servers::table
                .filter(resource_servers::name.eq(name))
                .select(resource_servers::client_id)
                .first::<String>(connection)
                .optional()?;
            found.as_deref().map(parse_id).transpose()
        })
        .await
    }

    /// The resource server with this id and one of these digests, and whether the first digest is the stored one. The
    /// same work for an unknown id and a wrong secret.
    pub async fn authenticate_resource_server(
        &self,
        client_id: Uuid,
        digests: Vec<Digest>,
    ) -> Result<Option<(ResourceServer, bool)>, StoreError> {
        self.run(move |connection| {
            let first = digests.first().map(|digest| digest.to_vec());
            let digests: Vec<Vec<u8>> = digests.into_iter().map(|digest| digest.to_vec()).collect();
            let id = client_id.to_string();
            let found = resource_servers::table
                .filter(resource_servers::digest.eq_any(digests))
                .filter(resource_servers::client_id.eq(&id))
                .select(resource_servers::digest)
                .first::<Vec<u8>>(connection)
                .optional()?;
            let Some(found) = found else {
                return Ok(None);
            };
            let resources = load_resources(connection, &id)?;
            let server = ResourceServer { client_id, resources };
            Ok(Some((server, Some(found) == first)))
        })
        .await
    }
}

impl Store {
    /// Rehashes the secret just presented, which was stored under another pepper version.
    pub async fn renew_resource_server(
        &self,
        client_id: Uuid,
        (pepper_version, digest): (i32, Digest),
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let new = (
                resource_servers::digest.eq(digest.to_vec()),
                resource_servers::pepper_version.eq(pepper_version),
            );
            let own = resource_servers::table.find(client_id.to_string());
            diesel::update(own).set(new).execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn insert(connection: &mut AnyConnection, new: NewResourceServer) -> Result<(), StoreError> {
    let id = new.client_id.to_string();
    let (pepper_version, digest) = new.digest;
    let row = (
        resource_servers::client_id.eq(&id),
        resource_servers::name.eq(new.name),
        resource_servers::digest.eq(digest.to_vec()),
        resource_servers::pepper_version.eq(pepper_version),
        resource_servers::created_at.eq(new.created_at.naive_utc()),
    );
    diesel::insert_into(resource_servers::table)
        .values(row)
        .execute(connection)?;
    for resource in new.resources {
        let row = (
            resource_server_resources::client_id.eq(&id),
            resource_server_resources::resource_id.eq(resource.to_string()),
        );
        diesel::insert_into(resource_server_resources::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

fn load_resources(
    connection: &mut AnyConnection,
    client_id: &str,
) -> Result<Vec<(Uuid, Option<String>)>, StoreError> {
    resource_server_resources::table
        .inner_join(resources::table)
        .filter(resource_server_resources::client_id.eq(client_id))
        .select((resources::id, resources::uri))
        .load::<(String, Option<String>)>(connection)?
        .into_iter()
        .map(|(id, uri)| Ok((parse_id(&id)?, uri)))
        .collect()
}
