//! Applications: the caller's view of them, and their administration by the WMDA team.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::{
    application::{Application, ApplicationName},
    audit_action::AuditAction,
    policy::Permission,
    profile::Profile,
};
use serde::{Deserialize, Serialize};
use store::accounts::SignInEligibility;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::{
        managers::ManagerView, networks::texts, permissions::PermissionView, policies::PolicyView,
    },
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
/// The recommended number of managers who can sign in, per application.
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
    /// `off`, `report` (requests from elsewhere are recorded among the refusals, and answered) or `enforce` (they are
    /// refused).
    #[serde(default)]
    #[schema(pattern = "^(off|report|enforce)$")]
    pub networks_mode: Option<String>,
    /// All the networks from which its credentials work: IPv4 and IPv6 addresses, with a prefix length or alone.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub allowed_networks: Option<Vec<String>>,
    /// `standard`, or `fapi2`: FAPI 2.0 Security Profile, keys only and sender-constrained tokens.
    #[serde(default)]
    #[schema(pattern = "^(standard|fapi2)$")]
    pub profile: Option<String>,
}

impl ChangedApplication {
    /// Whether the change is reserved to the WMDA team: name, enabling, or DPoP binding.
    fn is_of_the_team(&self) -> bool {
        self.name.is_some()
            || self.enabled.is_some()
            || self.profile.is_some()
            || self.dpop_bound_access_tokens.is_some()
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
    /// `standard` or `fapi2`.
    pub profile: &'static str,
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
    /// What could be done better, in words.
    pub advice: Vec<String>,
    /// `off`, `report` or `enforce`: what `allowed_networks` mean.
    pub networks_mode: &'static str,
    /// From where its credentials work.
    pub allowed_networks: Vec<String>,
}

/// The managers of these applications.
fn managers_of<'a>(views: impl IntoIterator<Item = &'a store::applications::ApplicationView>) -> Vec<Uuid> {
    let managers = views.into_iter().flat_map(|view| &view.managers);
    managers.map(|manager| manager.assignment.user_id).collect()
}

impl ApplicationView {
    fn of(
        view: store::applications::ApplicationView,
        eligibility: &SignInEligibility,
        advice: Option<String>,
    ) -> Self {
        let managers: Vec<ManagerView> = view
            .managers
            .into_iter()
            .map(|manager| ManagerView::of(manager, eligibility))
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
            profile: view.profile.as_str(),
            permissions: view.permissions.into_iter().map(Into::into).collect(),
            managers,
            self_rotation: view.self_rotation,
            policy: view.policy.into(),
            warnings: (able < ENOUGH_MANAGERS).then_some(warning).into_iter().collect(),
            advice: advice.into_iter().collect(),
            networks_mode: view.networks.mode.as_str(),
            allowed_networks: texts(&view.networks.networks),
        }
    }
}

/// The hourly number of tokens below which no advice is given.
const FEW_TOKENS: i64 = 60;
/// Allowance for several programs that each cache their token, as a multiple of what one needs.
const PROGRAMS: i64 = 10;

/// Advises to cache tokens, if the busiest recent hour suggests that a system requests one for every call.
fn advice(one: &store::applications::ApplicationView, tokens: i64, default_lifetime: i64) -> Option<String> {
    const HOUR: i64 = 3600;
    let lifetimes = one.permissions.iter();
    let lifetimes = lifetimes.map(|one| one.token_lifetime_seconds.unwrap_or(default_lifetime).max(1));
    let needed: i64 = lifetimes.clone().map(|lifetime| HOUR / lifetime + 1).sum();
    let minutes = lifetimes.max().unwrap_or(default_lifetime) / 60;
    (tokens > FEW_TOKENS.max(PROGRAMS * needed)).then(|| {
        format!(
            "this system asks for a new token for every call, as it seems: {tokens} tokens in one of the last 24 hours, where \
             about {needed} are enough because a token lives for {minutes} minutes; keep it until shortly before it ends"
        )
    })
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
        let entry = self.done(
            allowed,
            AuditAction::ApplicationCreate,
            format!("application/{client_id}"),
        );
        let outcome = self.store.create_application(application, entry).await;
        outcome.map_err(named_in_body("organisation"))?;
        self.application(allowed, client_id).await
    }

    /// One application.
    pub async fn application(&self, _: &Allowed, client_id: Uuid) -> Result<ApplicationView, Problem> {
        let found = self.store.application(client_id).await?;
        let found = found.ok_or(Problem::NotFound)?;
        let mut views = self.views(vec![found]).await?;
        views.pop().ok_or(Problem::NotFound)
    }

    async fn views(
        &self,
        found: Vec<store::applications::ApplicationView>,
    ) -> Result<Vec<ApplicationView>, Problem> {
        let eligibility = self.store.sign_in_eligibility(managers_of(&found)).await?;
        let ids = found.iter().map(|one| one.application.client_id).collect();
        let busiest = self.store.busiest_hours(ids, self.now()).await?;
        let view = |one: store::applications::ApplicationView| {
            let most = busiest.get(&one.application.client_id).copied();
            let advice = advice(
                &one,
                most.unwrap_or_default(),
                self.settings.token_lifetime_seconds,
            );
            ApplicationView::of(one, &eligibility, advice)
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// The applications visible to the caller, by name.
    pub async fn applications(
        &self,
        allowed: &Allowed,
        query: ListQuery,
    ) -> Result<List<ApplicationView>, Problem> {
        let (limit, page) = query.page(&self.pepper, LIST)?;
        let among = allowed.principal.visible_applications().map(<[Uuid]>::to_vec);
        let found = self.store.applications(among, page).await?;
        let views = self.views(found).await?;
        let key = |one: &ApplicationView| one.name.clone();
        Ok(cursor::page(&self.pepper, LIST, views, limit, key))
    }

    /// Changes networks, self-rotation, name, DPoP binding, or whether it is enabled, in this order.
    pub async fn change_application(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        mut change: ChangedApplication,
    ) -> Result<ApplicationView, Problem> {
        let networks = (change.networks_mode.take(), change.allowed_networks.take());
        let changes_networks = networks.0.is_some() || networks.1.is_some();
        if !change.is_of_the_team() && change.self_rotation.is_none() && !changes_networks {
            return Err(Problem::Invalid(
                "send one or more of name, enabled, profile, dpop_bound_access_tokens, self_rotation, networks_mode and allowed_networks"
                    .to_owned(),
            ));
        }
        let profile = change.profile.as_deref().map(str::parse::<Profile>).transpose();
        let profile = profile.map_err(|error| Problem::Invalid(error.to_string()))?;
        let name = change.name.as_deref().map(ApplicationName::parse).transpose();
        let name = name.map_err(|error| Problem::Invalid(error.to_string()))?;
        // From here on changes are stored; the networks come first, as they may be invalid.
        if changes_networks {
            self.change_networks(allowed, client_id, networks).await?;
        }
        if let Some(on) = change.self_rotation {
            let action = if on {
                AuditAction::ApplicationSelfRotationOn
            } else {
                AuditAction::ApplicationSelfRotationOff
            };
            let entry = self.done(allowed, action, format!("application/{client_id}"));
            self.store.set_self_rotation(client_id, on, entry).await?;
        }
        if let Some(name) = name {
            let entry = self.done(
                allowed,
                AuditAction::ApplicationRename,
                format!("application/{client_id}"),
            );
            self.store.rename_application(client_id, name, entry).await?;
        }
        if let Some(bound) = change.dpop_bound_access_tokens {
            self.bind_tokens(allowed, client_id, bound).await?;
        }
        if let Some(profile) = profile {
            self.set_profile(allowed, client_id, profile).await?;
        }
        match change.enabled {
            Some(enabled) => self.switch_application(allowed, client_id, enabled).await,
            None => self.application(allowed, client_id).await,
        }
    }

    /// Sets whether an application gets DPoP-bound tokens only; answers when that is in force on every node.
    async fn bind_tokens(&self, allowed: &Allowed, client_id: Uuid, bound: bool) -> Result<(), Problem> {
        let action = if bound {
            AuditAction::ApplicationRequireDpop
        } else {
            AuditAction::ApplicationAllowBearer
        };
        let entry = self.done(allowed, action, format!("application/{client_id}"));
        self.store
            .set_dpop_bound_access_tokens(client_id, bound, entry)
            .await?;
        Ok(self.memory.settle().await?)
    }

    /// Sets an application's security profile; answers when it is in force on every node.
    pub async fn set_profile(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        profile: Profile,
    ) -> Result<(), Problem> {
        let action = AuditAction::profile(profile);
        let entry = self.done(allowed, action, format!("application/{client_id}"));
        self.store.set_profile(client_id, profile, entry).await?;
        self.memory.settle().await?;
        Ok(())
    }

    /// Enables or disables an application; answers when that is in force on every node.
    pub async fn switch_application(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        enabled: bool,
    ) -> Result<ApplicationView, Problem> {
        let action = if enabled {
            AuditAction::ApplicationEnable
        } else {
            AuditAction::ApplicationDisable
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

/// Changes an application. Its networks, and whether it exchanges its secrets by itself: its credential managers, admin. Its
/// name, whether it is enabled, and whether its tokens are bound to a key: admin.
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
