//! Organisations: the registries and transplant centres that own applications.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::{audit_action::AuditAction, organisation::Organisation, policy::Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{self, Body, id, name},
        caller::Caller,
        cursor::{self, List, ListQuery},
        problem::Problem,
    },
    state::Management,
};

const LIST: &str = "organisations";

/// A new organisation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Unique; 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country_code: String,
}

/// A change of an organisation; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedOrganisation {
    /// Unique; 1 to 120 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country_code: Option<String>,
    /// `false` stops its tokens on every node before the answer is sent, and ends its people's sessions.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
pub struct OrganisationView {
    /// Permanent identifier.
    pub id: Uuid,
    /// Unique.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// Whether its applications get tokens and its people may sign in.
    pub enabled: bool,
}

impl From<Organisation> for OrganisationView {
    fn from(one: Organisation) -> Self {
        let Organisation {
            id,
            name,
            country_code,
            enabled,
        } = one;
        Self {
            id,
            name,
            country_code,
            enabled,
        }
    }
}

impl Management {
    /// Adds an organisation.
    pub async fn create_organisation(
        &self,
        allowed: &Allowed,
        new: NewOrganisation,
    ) -> Result<OrganisationView, Problem> {
        let organisation = Organisation {
            id: self.uuid()?,
            name: parse_name(&new.name)?,
            country_code: parse_country(&new.country_code)?,
            enabled: true,
        };
        let entry = self.done(
            allowed,
            AuditAction::OrganisationCreate,
            format!("organisation/{}", organisation.id),
        );
        self.store
            .create_organisation(organisation.clone(), entry)
            .await?;
        Ok(organisation.into())
    }

    /// One organisation.
    pub async fn organisation(&self, _: &Allowed, id: Uuid) -> Result<OrganisationView, Problem> {
        let found = self.store.organisation(id).await?;
        found.map(Into::into).ok_or(Problem::NotFound)
    }

    /// Organisations by name.
    pub async fn organisations(
        &self,
        _: &Allowed,
        query: ListQuery,
    ) -> Result<List<OrganisationView>, Problem> {
        let (limit, page) = query.page(&self.pepper, LIST)?;
        let found = self.store.organisations(page).await?;
        let views = found.into_iter().map(Into::into).collect();
        Ok(cursor::page(
            &self.pepper,
            LIST,
            views,
            limit,
            |one: &OrganisationView| one.name.clone(),
        ))
    }

    /// Renames an organisation, enables or disables it, or both.
    pub async fn change_organisation(
        &self,
        allowed: &Allowed,
        id: Uuid,
        change: ChangedOrganisation,
    ) -> Result<OrganisationView, Problem> {
        let name = change.name.as_deref().map(parse_name).transpose()?;
        let country = change.country_code.as_deref().map(parse_country).transpose()?;
        let renames = name.is_some() || country.is_some();
        if !renames && change.enabled.is_none() {
            return Err(Problem::Invalid(
                "send some of name, country_code and enabled".to_owned(),
            ));
        }
        if renames {
            let entry = self.done(
                allowed,
                AuditAction::OrganisationChange,
                format!("organisation/{id}"),
            );
            self.store.change_organisation(id, (name, country), entry).await?;
        }
        match change.enabled {
            Some(enabled) => self.switch_organisation(allowed, id, enabled).await,
            None => self.organisation(allowed, id).await,
        }
    }

    /// Enables or disables an organisation; answers when that is in force on every node.
    pub async fn switch_organisation(
        &self,
        allowed: &Allowed,
        id: Uuid,
        enabled: bool,
    ) -> Result<OrganisationView, Problem> {
        let action = if enabled {
            AuditAction::OrganisationEnable
        } else {
            AuditAction::OrganisationDisable
        };
        let entry = self.done(allowed, action, format!("organisation/{id}"));
        self.store.set_organisation_enabled(id, enabled, entry).await?;
        self.memory.settle().await?;
        self.organisation(allowed, id).await
    }
}

fn parse_name(text: &str) -> Result<String, Problem> {
    name("name", text)
}

fn parse_country(code: &str) -> Result<String, Problem> {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(code.to_owned());
    }
    Err(Problem::Invalid(
        "country_code is two upper-case letters such as NL (ISO 3166-1)".to_owned(),
    ))
}

/// Adds an organisation. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = NewOrganisation, responses((status = 201, body = OrganisationView), Problems))]
#[post("/organisations")]
pub(crate) async fn create(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let view = caller
        .service
        .create_organisation(&allowed, body.parse()?)
        .await?;
    Ok(created(&format!("/api/v1/organisations/{}", view.id), &view))
}

/// Lists organisations by name. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(ListQuery), responses((status = 200, body = List<OrganisationView>), Problems))]
#[get("/organisations")]
pub(crate) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller
        .service
        .organisations(&allowed, body::query(&request)?)
        .await)
}

/// Shows an organisation. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 200, body = OrganisationView), Problems))]
#[get("/organisations/{id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.organisation(&allowed, id(&path)?).await)
}

/// Renames an organisation, enables or disables it with its applications and people. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = ChangedOrganisation, responses((status = 200, body = OrganisationView), Problems))]
#[patch("/organisations/{id}")]
pub(crate) async fn update(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let change = body.parse()?;
    ok(caller
        .service
        .change_organisation(&allowed, id(&path)?, change)
        .await)
}
