//! Applications: what the caller may see of them, and the WMDA team's work on them.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::{
    application::{Application, ApplicationName},
    policy::Permission,
};
use serde::{Deserialize, Serialize};
use store::accounts::Standing;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::{managers::ManagerView, permissions::PermissionView, policies::PolicyView},
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{self, Body, id},
        caller::Caller,
        cursor::{self, List, ListQuery},
        problem::{Problem, named_in_body},
    },
    state::Management,
};

const LIST: &str = "applications";
/// Each application should have so many managers who can sign in.
pub(crate) const ENOUGH_MANAGERS: usize = 2;

/// A new application; its client id never changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// `Partner-<country>-<OrganisationName>-<SMC|DM>` or `PartnerAlternative-…`.
    #[schema(pattern = "^Partner(Alternative)?-[A-Z]{2}-[A-Za-z0-9]{1,80}-(SMC|DM)$")]
    pub name: String,
    /// The owner.
    pub organisation_id: Uuid,
    /// An identifier that the application had before, elsewhere; given by the server when left out.
    #[serde(default)]
    pub client_id: Option<Uuid>,
}

/// A change of an application; what is left out stays. The client id never changes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedApplication {
    /// By the same convention. A `PartnerAlternative-…` application stays one.
    #[serde(default)]
    #[schema(pattern = "^Partner(Alternative)?-[A-Z]{2}-[A-Za-z0-9]{1,80}-(SMC|DM)$")]
    pub name: Option<String>,
    /// `false` stops its tokens on every node before the answer is sent.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Whether the application may exchange its secrets by itself (`POST /oauth2/rotate-secret`).
    #[serde(default)]
    pub self_rotation: Option<bool>,
    /// `true`: it gets no token without a DPoP proof (RFC 9449), on any node, once the answer is sent.
    #[serde(default)]
    pub dpop_bound_access_tokens: Option<bool>,
}

impl ChangedApplication {
    /// A new name, a switch, or which tokens it gets is the WMDA team's alone.
    fn is_of_the_team(&self) -> bool {
        self.name.is_some() || self.enabled.is_some() || self.dpop_bound_access_tokens.is_some()
    }
}

/// An application.
#[derive(Serialize, ToSchema)]
pub struct ApplicationView {
    /// The OAuth client identifier.
    pub client_id: Uuid,
    /// Unique, by WMDA's convention.
    pub name: String,
    /// The owner.
    pub organisation_id: Uuid,
    /// The owner's name.
    pub organisation_name: String,
    /// Whether it gets tokens.
    pub enabled: bool,
    /// Whether it gets no token without a DPoP proof (RFC 9449).
    pub dpop_bound_access_tokens: bool,
    /// Whether it works in the Match-Connect sandbox only.
    pub sandbox_only: bool,
    /// What it may call.
    pub permissions: Vec<PermissionView>,
    /// Who manages its secrets.
    pub managers: Vec<ManagerView>,
    /// Whether its managers let it exchange its secrets by itself; `policy` may forbid or require it.
    pub self_rotation: bool,
    /// What the WMDA team demands of its owner's credentials.
    pub policy: PolicyView,
    /// What needs attention, in words.
    pub warnings: Vec<String>,
}

/// The people who manage these applications.
fn managers_of<'a>(views: impl IntoIterator<Item = &'a store::applications::ApplicationView>) -> Vec<Uuid> {
    let managers = views.into_iter().flat_map(|view| &view.managers);
    managers.map(|manager| manager.assignment.user_id).collect()
}

impl ApplicationView {
    fn of(view: store::applications::ApplicationView, standing: &Standing) -> Self {
        let managers: Vec<ManagerView> = view
            .managers
            .into_iter()
            .map(|manager| ManagerView::of(manager, standing))
            .collect();
        let able = managers.iter().filter(|manager| manager.can_sign_in).count();
        let warning = format!(
            "{able} of at least {ENOUGH_MANAGERS} credential managers who can sign in: assign another one"
        );
        Self {
            client_id: view.application.client_id,
            sandbox_only: view.application.name.is_alternative(),
            name: view.application.name.to_string(),
            organisation_id: view.application.organisation_id,
            organisation_name: view.organisation_name,
            enabled: view.application.enabled,
            dpop_bound_access_tokens: view.application.dpop_bound_access_tokens,
            permissions: view.permissions.into_iter().map(Into::into).collect(),
            managers,
            self_rotation: view.self_rotation,
            policy: view.policy.into(),
            warnings: (able < ENOUGH_MANAGERS).then_some(warning).into_iter().collect(),
        }
    }
}

impl Management {
    /// Adds an application.
    pub async fn create_application(
        &self,
        allowed: &Allowed,
        new: NewApplication,
    ) -> Result<ApplicationView, Problem> {
        let name = ApplicationName::parse(&new.name).map_err(|error| Problem::Invalid(error.to_string()))?;
        let application = Application {
            client_id: match new.client_id {
                Some(id) if id.is_nil() || id.is_max() => {
                    return Err(Problem::Invalid("client_id names nothing".to_owned()));
                }
                Some(id) => id,
                None => self.uuid()?,
            },
            organisation_id: new.organisation_id,
            name,
            enabled: true,
            dpop_bound_access_tokens: false,
        };
        let client_id = application.client_id;
        let entry = self.done(allowed, "application.create", format!("application/{client_id}"));
        let outcome = self.store.create_application(application, entry).await;
        outcome.map_err(named_in_body("organisation"))?;
        self.application(allowed, client_id).await
    }

    /// One application.
    pub async fn application(&self, _: &Allowed, client_id: Uuid) -> Result<ApplicationView, Problem> {
        let found = self.store.application(client_id).await?;
        let found = found.ok_or(Problem::NotFound)?;
        let standing = self.store.standing(managers_of([&found])).await?;
        Ok(ApplicationView::of(found, &standing))
    }

    /// The applications that somebody may see, by name.
    pub async fn applications(
        &self,
        allowed: &Allowed,
        query: ListQuery,
    ) -> Result<List<ApplicationView>, Problem> {
        let (limit, page) = query.page(&self.pepper, LIST)?;
        let among = allowed.principal.visible_applications().map(<[Uuid]>::to_vec);
        let found = self.store.applications(among, page).await?;
        let standing = self.store.standing(managers_of(&found)).await?;
        let views = found.into_iter().map(|one| ApplicationView::of(one, &standing));
        let key = |one: &ApplicationView| one.name.clone();
        Ok(cursor::page(&self.pepper, LIST, views.collect(), limit, key))
    }

    /// Changes how its secrets may be exchanged, its name, which tokens it gets, or whether it is enabled, in this order.
    pub async fn change_application(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        change: ChangedApplication,
    ) -> Result<ApplicationView, Problem> {
        if !change.is_of_the_team() && change.self_rotation.is_none() {
            return Err(Problem::Invalid(
                "send one or more of name, enabled, dpop_bound_access_tokens and self_rotation".to_owned(),
            ));
        }
        if let Some(on) = change.self_rotation {
            let action = if on {
                "application.self_rotation_on"
            } else {
                "application.self_rotation_off"
            };
            let entry = self.done(allowed, action, format!("application/{client_id}"));
            self.store.set_self_rotation(client_id, on, entry).await?;
        }
        if let Some(name) = change.name {
            let name = ApplicationName::parse(&name).map_err(|error| Problem::Invalid(error.to_string()))?;
            let entry = self.done(allowed, "application.rename", format!("application/{client_id}"));
            self.store.rename_application(client_id, name, entry).await?;
        }
        if let Some(bound) = change.dpop_bound_access_tokens {
            self.bind_tokens(allowed, client_id, bound).await?;
        }
        match change.enabled {
            Some(enabled) => self.switch_application(allowed, client_id, enabled).await,
            None => self.application(allowed, client_id).await,
        }
    }

    /// Lets an application have tokens that are bound to a key only, or others too; answers when every node knows.
    async fn bind_tokens(&self, allowed: &Allowed, client_id: Uuid, bound: bool) -> Result<(), Problem> {
        let action = if bound {
            "application.require_dpop"
        } else {
            "application.allow_bearer"
        };
        let entry = self.done(allowed, action, format!("application/{client_id}"));
        self.store
            .set_dpop_bound_access_tokens(client_id, bound, entry)
            .await?;
        Ok(self.memory.settle().await?)
    }

    /// Enables or disables an application; answers when every node knows.
    pub async fn switch_application(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        enabled: bool,
    ) -> Result<ApplicationView, Problem> {
        let action = if enabled {
            "application.enable"
        } else {
            "application.disable"
        };
        let entry = self.done(allowed, action, format!("application/{client_id}"));
        self.store
            .set_application_enabled(client_id, enabled, entry)
            .await?;
        self.memory.settle().await?;
        self.application(allowed, client_id).await
    }
}

/// Adds an application. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = NewApplication, responses((status = 201, body = ApplicationView), Problems))]
#[post("/applications")]
pub(crate) async fn create(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let view = caller.service.create_application(&allowed, body.parse()?).await?;
    Ok(created(
        &format!("/api/v1/applications/{}", view.client_id),
        &view,
    ))
}

/// Lists the applications that the caller may see, by name.
#[utoipa::path(tag = "Applications", params(ListQuery), responses((status = 200, body = List<ApplicationView>), Problems))]
#[get("/applications")]
pub(crate) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    ok(caller
        .service
        .applications(&allowed, body::query(&request)?)
        .await)
}

/// Shows an application. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path)), responses((status = 200, body = ApplicationView), Problems))]
#[get("/applications/{client_id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.application(&allowed, client_id).await)
}

/// Changes an application. Whether it exchanges its secrets by itself: its credential managers, admin. Its name, whether it is
/// enabled, and whether its tokens are bound to a key: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path)), request_body = ChangedApplication, responses((status = 200, body = ApplicationView), Problems))]
#[patch("/applications/{client_id}")]
pub(crate) async fn update(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller
        .may_with(Permission::ConfigureApplication, client_id)
        .await?;
    let change: ChangedApplication = body.parse()?;
    if change.is_of_the_team() {
        caller.may_with(Permission::ManageApplications, client_id).await?;
    }
    ok(caller
        .service
        .change_application(&allowed, client_id, change)
        .await)
}
