//! Resource servers: downstream APIs with credentials for introspection.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, Utc};
use domain::{audit_action::AuditAction, policy::Permission, secret::NewSecret};
use serde::{Deserialize, Serialize};
use store::NewResourceServer;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{Body, id, name},
        caller::Caller,
        cursor::List,
        problem::{Problem, named_in_body},
    },
    state::Management,
};

/// A new resource server.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResourceServerBody {
    /// Unique; 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The resources whose tokens it may ask about.
    #[schema(min_items = 1, max_items = 50)]
    pub resources: Vec<Uuid>,
}

/// A resource server without its secret.
#[derive(Serialize, ToSchema)]
pub struct ResourceServerView {
    /// By which it authenticates at the introspection endpoint.
    pub client_id: Uuid,
    /// Unique.
    pub name: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// The resources whose tokens it may ask about.
    pub resources: Vec<Uuid>,
}

/// The credentials of a resource server, this once.
#[derive(Serialize, ToSchema)]
pub struct ResourceServerSecret {
    /// By which it authenticates at the introspection endpoint.
    pub client_id: Uuid,
    /// The secret. Keep it now: it is stored nowhere and never shown again.
    pub client_secret: String,
}

impl From<store::ResourceServerView> for ResourceServerView {
    fn from(view: store::ResourceServerView) -> Self {
        Self {
            client_id: view.client_id,
            name: view.name,
            created_at: view.created_at,
            resources: view.resources,
        }
    }
}

impl Management {
    /// Adds a resource server and shows its secret, this once.
    pub async fn create_resource_server(
        &self,
        allowed: &Allowed,
        new: NewResourceServerBody,
    ) -> Result<ResourceServerSecret, Problem> {
        let mut resources = new.resources;
        resources.sort_unstable();
        resources.dedup();
        if !(1..=50).contains(&resources.len()) {
            return Err(Problem::Invalid("resources are 1 to 50 ids".to_owned()));
        }
        let name = name("name", &new.name)?;
        let (client_id, secret) = (self.uuid()?, NewSecret::generate(&*self.random)?);
        let server = NewResourceServer {
            client_id,
            name,
            digest: self.pepper.digest(client_id, secret.reveal()),
            created_at: self.now(),
            resources,
        };
        let entry = self.done(allowed, AuditAction::ResourceServerCreate, object(client_id));
        let outcome = self.store.create_resource_server(server, entry).await;
        outcome.map_err(named_in_body("resource"))?;
        Ok(shown(client_id, &secret))
    }

    /// Every resource server, by name.
    pub async fn resource_servers(&self, _: &Allowed) -> Result<List<ResourceServerView>, Problem> {
        let found = self.store.resource_servers().await?;
        let items = found.into_iter().map(Into::into).collect();
        Ok(List { items, next: None })
    }

    /// Gives a resource server another secret and shows it, this once; the old one ends with this call.
    pub async fn replace_resource_server_secret(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
    ) -> Result<ResourceServerSecret, Problem> {
        let secret = NewSecret::generate(&*self.random)?;
        let digest = self.pepper.digest(client_id, secret.reveal());
        let entry = self.done(allowed, AuditAction::ResourceServerNewSecret, object(client_id));
        self.store
            .set_resource_server_secret(client_id, digest, entry)
            .await?;
        Ok(shown(client_id, &secret))
    }

    /// Takes a resource server away; its secret ends with this call.
    pub async fn delete_resource_server(&self, allowed: &Allowed, client_id: Uuid) -> Result<(), Problem> {
        let entry = self.done(allowed, AuditAction::ResourceServerDelete, object(client_id));
        Ok(self.store.delete_resource_server(client_id, entry).await?)
    }
}

fn object(client_id: Uuid) -> String {
    format!("resource-server/{client_id}")
}

fn shown(client_id: Uuid, secret: &NewSecret) -> ResourceServerSecret {
    ResourceServerSecret {
        client_id,
        client_secret: secret.reveal().to_owned(),
    }
}

/// Adds a resource server and shows its secret, this once. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = NewResourceServerBody, responses((status = 201, body = ResourceServerSecret), Problems))]
#[post("/resource-servers")]
pub(crate) async fn create(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let made = caller
        .service
        .create_resource_server(&allowed, body.parse()?)
        .await?;
    Ok(created("/api/v1/resource-servers", &made))
}

/// Lists every resource server. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", responses((status = 200, body = List<ResourceServerView>), Problems))]
#[get("/resource-servers")]
pub(crate) async fn list(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.resource_servers(&allowed).await)
}

/// Gives a resource server another secret and shows it, this once; the old one ends with this call. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path)), responses((status = 201, body = ResourceServerSecret), Problems))]
#[post("/resource-servers/{client_id}/secret")]
pub(crate) async fn replace_secret(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let made = caller
        .service
        .replace_resource_server_secret(&allowed, id(&path)?)
        .await?;
    Ok(created("/api/v1/resource-servers", &made))
}

/// Takes a resource server away; its secret ends with this call. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/resource-servers/{client_id}")]
pub(crate) async fn remove(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    caller
        .service
        .delete_resource_server(&allowed, id(&path)?)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
