//! Policies of organisations: the WMDA team's rules for their credentials. Managers can read the policy that applies
//! to them.

use actix_web::{HttpResponse, get, patch, web};
use domain::{
    audit_action::AuditAction,
    organisation_policy::{OrganisationPolicy, PolicyChange},
    policy::Permission,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::{Body, id},
        caller::Caller,
        problem::Problem,
    },
    state::Management,
};

/// What the WMDA team demands of an organisation's credentials.
#[derive(Serialize, ToSchema)]
pub struct PolicyView {
    /// The longest life of a new credential in days; null: what goes for all.
    pub max_lifetime_days: Option<u32>,
    /// How many live credentials an application may have; null: what goes for all.
    pub max_live_secrets: Option<i64>,
    /// `true`: new secrets are refused, also by exchange. Those that live go on until their end.
    pub keys_only: bool,
    /// `off`, `allowed` (the managers of an application decide) or `required` (it is on for all, and can't be switched off).
    pub self_rotation: &'static str,
    /// `true`: each application works from listed networks only.
    pub networks_required: bool,
    /// `suspend` or `delete`: what becomes of a secret that is reported as leaked.
    pub on_leak: &'static str,
}

impl From<OrganisationPolicy> for PolicyView {
    fn from(one: OrganisationPolicy) -> Self {
        Self {
            max_lifetime_days: one.max_lifetime_days,
            max_live_secrets: one.max_live_secrets,
            keys_only: one.keys_only,
            self_rotation: one.self_rotation.as_str(),
            networks_required: one.networks_required,
            on_leak: one.on_leak.as_str(),
        }
    }
}

/// A change of a policy; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedPolicy {
    /// 1 to 365; null lifts the demand.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 365)]
    pub max_lifetime_days: Option<Option<u32>>,
    /// 1 to 1000; null lifts the demand.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    pub max_live_secrets: Option<Option<i64>>,
    /// Whether new secrets are refused.
    #[serde(default)]
    pub keys_only: Option<bool>,
    /// `off`, `allowed` or `required`.
    #[serde(default)]
    #[schema(pattern = "^(off|allowed|required)$")]
    pub self_rotation: Option<String>,
    /// Whether each application works from listed networks only.
    #[serde(default)]
    pub networks_required: Option<bool>,
    /// `suspend` or `delete`.
    #[serde(default)]
    #[schema(pattern = "^(suspend|delete)$")]
    pub on_leak: Option<String>,
}

/// Distinguishes null from an absent field.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

impl ChangedPolicy {
    fn parse(self) -> Result<PolicyChange, Problem> {
        let invalid = |text: &str| Problem::Invalid(text.to_owned());
        if self
            .max_lifetime_days
            .flatten()
            .is_some_and(|days| !(1..=365).contains(&days))
        {
            return Err(invalid("max_lifetime_days lies between 1 and 365, or is null"));
        }
        if self
            .max_live_secrets
            .flatten()
            .is_some_and(|live| !(1..=1000).contains(&live))
        {
            return Err(invalid("max_live_secrets lies between 1 and 1000, or is null"));
        }
        let unknown = |error: domain::resource::Unknown| Problem::Invalid(error.to_string());
        Ok(PolicyChange {
            max_lifetime_days: self.max_lifetime_days,
            max_live_secrets: self.max_live_secrets,
            keys_only: self.keys_only,
            self_rotation: self
                .self_rotation
                .map(|text| text.parse())
                .transpose()
                .map_err(unknown)?,
            networks_required: self.networks_required,
            on_leak: self
                .on_leak
                .map(|text| text.parse())
                .transpose()
                .map_err(unknown)?,
        })
    }
}

impl Management {
    /// The policy of an organisation.
    pub async fn policy(&self, _: &Allowed, id: Uuid) -> Result<PolicyView, Problem> {
        let found = self.store.organisation_policy(id).await?;
        found.map(Into::into).ok_or(Problem::NotFound)
    }

    /// Changes the policy; applies to credentials created from now on.
    pub async fn change_policy(
        &self,
        allowed: &Allowed,
        id: Uuid,
        change: ChangedPolicy,
    ) -> Result<PolicyView, Problem> {
        let change = change.parse()?;
        let entry = self.done(
            allowed,
            AuditAction::OrganisationPolicy,
            format!("organisation/{id}"),
        );
        Ok(self.store.change_policy(id, change, entry).await?.into())
    }
}

/// Shows what binds an organisation's credentials. Roles: admin, auditor, the credential managers of its applications.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 200, body = PolicyView), Problems))]
#[get("/organisations/{id}/policy")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    let id = id(&path)?;
    if let Some(managed) = allowed.principal.visible_applications() {
        let managed = managed.to_vec();
        if !caller.service.store.owns_any(id, managed).await? {
            return Err(Problem::NotFound);
        }
    }
    ok(caller.service.policy(&allowed, id).await)
}

/// Changes what binds an organisation's credentials. It counts for what is created or exchanged afterwards; what lives goes
/// on. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = ChangedPolicy, responses((status = 200, body = PolicyView), Problems))]
#[patch("/organisations/{id}/policy")]
pub(crate) async fn update(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let change = body.parse()?;
    ok(caller.service.change_policy(&allowed, id(&path)?, change).await)
}
