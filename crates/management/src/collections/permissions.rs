//! Permissions: the roles granted to an application on a resource.

use actix_web::{HttpResponse, delete, get, post, web};
use domain::{audit_action::AuditAction, policy::Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{Body, id},
        caller::Caller,
        cursor::List,
        problem::Problem,
    },
    state::Management,
};

/// Roles to grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPermission {
    /// The resource.
    pub resource_id: Uuid,
    /// Some of the resource's roles; those granted before stay.
    #[schema(min_items = 1)]
    pub roles: Vec<String>,
}

/// What an application may do on a resource.
#[derive(Serialize, ToSchema)]
pub struct PermissionView {
    /// The resource.
    pub resource_id: Uuid,
    /// Its name.
    pub resource_name: String,
    /// `production` or `sandbox`.
    pub environment: String,
    /// The roles, which are also the scopes of its tokens.
    pub roles: Vec<String>,
}

impl From<store::applications::PermissionView> for PermissionView {
    fn from(view: store::applications::PermissionView) -> Self {
        Self {
            resource_id: view.resource_id,
            resource_name: view.resource_name,
            environment: view.environment.as_str().to_owned(),
            roles: view.roles,
        }
    }
}

impl Management {
    /// The permissions granted to an application.
    pub async fn permissions(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
    ) -> Result<List<PermissionView>, Problem> {
        let items = self.application(allowed, client_id).await?.permissions;
        Ok(List { items, next: None })
    }

    /// Grants roles on a resource; answers when they are in force on every node.
    pub async fn grant(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        new: NewPermission,
    ) -> Result<PermissionView, Problem> {
        self.application(allowed, client_id).await?;
        let known = self.store.resource(new.resource_id).await?;
        let known = known.ok_or_else(|| Problem::Invalid("there is no such resource".to_owned()))?;
        if new.roles.is_empty() || !new.roles.iter().all(|role| known.roles.contains(role)) {
            let roles = known.roles.join(", ");
            return Err(Problem::Invalid(format!("roles: send some of {roles}")));
        }
        let roles = new.roles.join("+");
        let object = format!("application/{client_id}/permission/{}/{roles}", known.id);
        let entry = self.done(allowed, AuditAction::PermissionGrant, object);
        self.store.grant(client_id, known.id, new.roles, entry).await?;
        self.memory.settle().await?;
        let view = self.application(allowed, client_id).await?;
        let mut granted = view.permissions.into_iter();
        granted
            .find(|one| one.resource_id == known.id)
            .ok_or(Problem::NotFound)
    }

    /// Revokes all roles on a resource; answers when that is in force on every node.
    pub async fn revoke(&self, allowed: &Allowed, client_id: Uuid, resource_id: Uuid) -> Result<(), Problem> {
        let object = format!("application/{client_id}/permission/{resource_id}");
        let entry = self.done(allowed, AuditAction::PermissionRevoke, object);
        let outcome = self.store.revoke(client_id, resource_id, entry).await;
        // Also if there is none, as when a secret is deleted.
        self.memory.settle().await?;
        Ok(outcome?)
    }
}

/// Lists what an application may call. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path)), responses((status = 200, body = List<PermissionView>), Problems))]
#[get("/applications/{client_id}/permissions")]
pub(crate) async fn list(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.permissions(&allowed, client_id).await)
}

/// Grants roles on a resource: when this is answered, every node's tokens carry them. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path)), request_body = NewPermission, responses((status = 201, body = PermissionView), Problems))]
#[post("/applications/{client_id}/permissions")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ManageApplications, client_id).await?;
    let view = caller.service.grant(&allowed, client_id, body.parse()?).await?;
    let place = format!(
        "/api/v1/applications/{client_id}/permissions/{}",
        view.resource_id
    );
    Ok(created(&place, &view))
}

/// Takes all roles on a resource away: when this is answered, no node issues a token for it. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path), ("resource_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/applications/{client_id}/permissions/{resource_id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (client_id, resource_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::ManageApplications, client_id).await?;
    caller.service.revoke(&allowed, client_id, resource_id).await?;
    Ok(HttpResponse::NoContent().finish())
}
