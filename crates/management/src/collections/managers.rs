//! Credential managers of an application. Each assignment records which person of the organisation confirmed it, and
//! when.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, SubsecRound, Utc};
use domain::{audit_action::AuditAction, policy::Permission, user::Assignment};
use serde::{Deserialize, Serialize};
use store::accounts::SignInEligibility;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{Body, id, name_within},
        caller::Caller,
        cursor::List,
        problem::{Problem, named_in_body},
    },
    state::Management,
};

/// A new assignment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewManager {
    /// Somebody of the organisation that owns the application; an admin may assign themself in an emergency.
    pub user_id: Uuid,
    /// Who in the organisation confirmed it; the assigned person when left out.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 254)]
    pub confirmed_by: Option<String>,
    /// When, not in the future; now when left out.
    #[serde(default)]
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// A credential manager.
#[derive(Serialize, ToSchema)]
pub struct ManagerView {
    /// The person.
    pub user_id: Uuid,
    /// Their address.
    pub email: String,
    /// Their name.
    pub display_name: String,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Whether they have what signing in takes.
    pub enrolled: bool,
    /// Whether they can: enabled like their organisation, enrolled, and still a credential manager or admin.
    pub can_sign_in: bool,
    /// Who in the organisation confirmed the assignment.
    pub confirmed_by: String,
    /// When they did.
    pub confirmed_at: DateTime<Utc>,
    /// Who of the WMDA team entered it.
    pub assigned_by: String,
}

impl ManagerView {
    pub(crate) fn of(view: store::managers::ManagerView, eligibility: &SignInEligibility) -> Self {
        Self {
            enrolled: eligibility.enrolled.contains(&view.assignment.user_id),
            can_sign_in: eligibility.able.contains(&view.assignment.user_id),
            user_id: view.assignment.user_id,
            email: view.email,
            display_name: view.display_name,
            enabled: view.enabled,
            confirmed_by: view.assignment.confirmed_by,
            confirmed_at: view.assignment.confirmed_at,
            assigned_by: view.assignment.assigned_by,
        }
    }
}

impl Management {
    /// The credential managers of an application.
    pub async fn managers(&self, allowed: &Allowed, client_id: Uuid) -> Result<List<ManagerView>, Problem> {
        let items = self.application(allowed, client_id).await?.managers;
        Ok(List { items, next: None })
    }

    /// Assigns a manager; effective from the person's next request on.
    pub async fn assign_manager(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        new: NewManager,
    ) -> Result<ManagerView, Problem> {
        self.application(allowed, client_id).await?;
        let person = self.store.user(new.user_id).await?;
        let person = person.ok_or_else(|| Problem::Invalid("there is no such user".to_owned()))?;
        let confirmed_by = new.confirmed_by.unwrap_or(person.email);
        let assignment = Assignment {
            client_id,
            user_id: new.user_id,
            confirmed_by: name_within("confirmed_by", &confirmed_by, 254)?,
            confirmed_at: self.confirmed_at(new.confirmed_at)?,
            assigned_by: allowed.actor.clone(),
        };
        let object = format!("application/{client_id}/manager/{}", new.user_id);
        let entry = self.done(allowed, AuditAction::ManagerAssign, object);
        let outcome = self.store.assign_manager(assignment, entry).await;
        outcome.map_err(named_in_body("user"))?;
        let mut managers = self.application(allowed, client_id).await?.managers.into_iter();
        managers
            .find(|one| one.user_id == new.user_id)
            .ok_or(Problem::NotFound)
    }

    fn confirmed_at(&self, told: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, Problem> {
        let now = self.now();
        let at = told.unwrap_or(now).trunc_subsecs(3);
        if (DateTime::UNIX_EPOCH..=now).contains(&at) {
            return Ok(at);
        }
        Err(Problem::Invalid(
            "confirmed_at must lie in the past: a confirmation comes before the assignment".to_owned(),
        ))
    }

    /// Ends an assignment; effective from the person's next request on.
    pub async fn remove_manager(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        user_id: Uuid,
    ) -> Result<(), Problem> {
        let object = format!("application/{client_id}/manager/{user_id}");
        let entry = self.done(allowed, AuditAction::ManagerRemove, object);
        Ok(self.store.remove_manager(client_id, user_id, entry).await?)
    }
}

/// Lists the credential managers of an application. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path)), responses((status = 200, body = List<ManagerView>), Problems))]
#[get("/applications/{client_id}/managers")]
pub(crate) async fn list(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.managers(&allowed, client_id).await)
}

/// Assigns a credential manager. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path)), request_body = NewManager, responses((status = 201, body = ManagerView), Problems))]
#[post("/applications/{client_id}/managers")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ManageApplications, client_id).await?;
    let view = caller
        .service
        .assign_manager(&allowed, client_id, body.parse()?)
        .await?;
    let place = format!("/api/v1/applications/{client_id}/managers/{}", view.user_id);
    Ok(created(&place, &view))
}

/// Ends an assignment. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path), ("user_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/applications/{client_id}/managers/{user_id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (client_id, user_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::ManageApplications, client_id).await?;
    caller
        .service
        .remove_manager(&allowed, client_id, user_id)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
