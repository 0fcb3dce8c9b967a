//! Resources: the WMDA APIs, which are the audiences of tokens.

use actix_web::{HttpResponse, get, patch, post, web};
use domain::{
    audit_action::AuditAction,
    policy::Permission,
    resource::{Resource, SigningAlgorithm},
};
use serde::{Deserialize, Deserializer, Serialize};
use store::ResourceChange;
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
        problem::Problem,
    },
    state::Management,
};

/// A new resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResource {
    /// The GUID that clients ask for; permanent.
    pub id: Uuid,
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// `production` or `sandbox`.
    #[schema(pattern = "^(production|sandbox)$")]
    pub environment: String,
    /// A further name of the resource, absolute and without fragment (RFC 8707 section 2).
    #[serde(default)]
    pub uri: Option<String>,
    /// Seconds that its tokens live, 60 to 86400; the server's default when left out.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 86400)]
    pub token_lifetime_seconds: Option<i64>,
    /// `ES256`, `RS256`, `PS256` or `EdDSA`; the server's default when left out.
    #[serde(default)]
    #[schema(pattern = "^(ES256|RS256|PS256|EdDSA)$")]
    pub signing_algorithm: Option<String>,
    /// The roles that applications can be granted; at least one.
    #[schema(min_items = 1, max_items = 50)]
    pub roles: Vec<String>,
}

/// A change of a resource; what is left out stays. It counts for every token that is issued after the answer.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedResource {
    /// Seconds that its tokens live, 60 to 86400; null is the server's default.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86400)]
    pub token_lifetime_seconds: Option<Option<i64>>,
    /// `ES256`, `RS256`, `PS256` or `EdDSA`; null is the server's default.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, pattern = "^(ES256|RS256|PS256|EdDSA)$")]
    pub signing_algorithm: Option<Option<String>>,
    /// Roles that can be granted beside those there are; none is taken away.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub further_roles: Vec<String>,
}

/// Distinguishes null from an absent field.
fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// A resource.
#[derive(Serialize, ToSchema)]
pub struct ResourceView {
    /// The GUID that clients ask for.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// `production` or `sandbox`.
    pub environment: String,
    /// A further name of the resource.
    pub uri: Option<String>,
    /// Seconds that its tokens live; null is the server's default.
    pub token_lifetime_seconds: Option<i64>,
    /// Null is the server's default.
    pub signing_algorithm: Option<String>,
    /// What can be granted on it.
    pub roles: Vec<String>,
}

impl From<Resource> for ResourceView {
    fn from(one: Resource) -> Self {
        Self {
            id: one.id,
            name: one.name,
            environment: one.environment.as_str().to_owned(),
            uri: one.uri,
            token_lifetime_seconds: one.token_lifetime_seconds,
            signing_algorithm: one.signing_algorithm.map(|algorithm| algorithm.to_string()),
            roles: one.roles,
        }
    }
}

impl Management {
    /// Adds a resource.
    pub async fn create_resource(
        &self,
        allowed: &Allowed,
        new: NewResource,
    ) -> Result<ResourceView, Problem> {
        let resource = parse(new)?;
        self.can_sign(resource.signing_algorithm)?;
        let entry = self.done(
            allowed,
            AuditAction::ResourceCreate,
            format!("resource/{}", resource.id),
        );
        self.store.create_resource(resource.clone(), entry).await?;
        Ok(resource.into())
    }

    /// Every resource.
    pub async fn resources(&self, _: &Allowed) -> Result<List<ResourceView>, Problem> {
        let items = self
            .store
            .resources()
            .await?
            .into_iter()
            .map(Into::into)
            .collect();
        Ok(List { items, next: None })
    }

    /// One resource.
    pub async fn resource(&self, _: &Allowed, id: Uuid) -> Result<ResourceView, Problem> {
        let found = self.store.resource(id).await?;
        found.map(Into::into).ok_or(Problem::NotFound)
    }
}

impl Management {
    /// Changes a resource's token lifetime, algorithm and roles; answers when that is in force on every node.
    pub async fn change_resource(
        &self,
        allowed: &Allowed,
        id: Uuid,
        change: ChangedResource,
    ) -> Result<ResourceView, Problem> {
        let (lifetime, algorithm) = (change.token_lifetime_seconds, change.signing_algorithm);
        if lifetime.is_none() && algorithm.is_none() && change.further_roles.is_empty() {
            return Err(Problem::Invalid(
                "send some of token_lifetime_seconds, signing_algorithm and further_roles".to_owned(),
            ));
        }
        let further_roles = parse_roles(change.further_roles, 0)?;
        let known = self.resource(allowed, id).await?.roles;
        parse_roles([known, further_roles.clone()].concat(), 1)?;
        let change = ResourceChange {
            token_lifetime_seconds: lifetime.map(parse_lifetime).transpose()?,
            signing_algorithm: algorithm.map(parse_algorithm).transpose()?,
            further_roles,
        };
        self.can_sign(change.signing_algorithm.flatten())?;
        let entry = self.done(allowed, AuditAction::ResourceChange, format!("resource/{id}"));
        self.store.change_resource(id, change, entry).await?;
        self.memory.settle().await?;
        self.resource(allowed, id).await
    }
}

fn invalid(what: &str) -> Problem {
    Problem::Invalid(what.to_owned())
}

/// Validates, sorts and deduplicates roles; at least `least` are required.
fn parse_roles(mut roles: Vec<String>, least: usize) -> Result<Vec<String>, Problem> {
    roles.sort();
    roles.dedup();
    let role = |role: &String| {
        // RFC 6749 section 3.3: the characters of a scope token.
        let token = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        (1..=64).contains(&role.len()) && role.bytes().all(token)
    };
    if !(least..=50).contains(&roles.len()) || !roles.iter().all(role) {
        return Err(invalid(
            "roles are 1 to 50 texts of 1 to 64 printable ASCII characters without space, quote and backslash",
        ));
    }
    Ok(roles)
}

fn parse_lifetime(seconds: Option<i64>) -> Result<Option<i64>, Problem> {
    match seconds {
        Some(life) if !(60..=86_400).contains(&life) => {
            Err(invalid("token_lifetime_seconds must lie between 60 and 86400"))
        }
        seconds => Ok(seconds),
    }
}

fn parse_algorithm(name: Option<String>) -> Result<Option<SigningAlgorithm>, Problem> {
    let parsed = name.map(|name| name.parse::<SigningAlgorithm>()).transpose();
    parsed.map_err(|error| Problem::Invalid(error.to_string()))
}

fn parse(new: NewResource) -> Result<Resource, Problem> {
    let unknown = |error: domain::resource::Unknown| Problem::Invalid(error.to_string());
    if let Some(uri) = &new.uri {
        // The parser drops or percent-encodes invalid characters, while clients send the URI's exact bytes.
        let exact = uri.bytes().all(|byte| byte.is_ascii_graphic());
        let absolute = url::Url::parse(uri).is_ok_and(|uri| uri.fragment().is_none());
        if !exact || !absolute || uri.len() > 200 {
            return Err(invalid(
                "uri must be an absolute URI of at most 200 characters without fragment (RFC 8707)",
            ));
        }
    }
    Ok(Resource {
        id: new.id,
        uri: new.uri,
        name: name("name", &new.name)?,
        environment: new.environment.parse().map_err(unknown)?,
        token_lifetime_seconds: parse_lifetime(new.token_lifetime_seconds)?,
        signing_algorithm: parse_algorithm(new.signing_algorithm)?,
        roles: parse_roles(new.roles, 1)?,
    })
}

/// Adds a resource. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = NewResource, responses((status = 201, body = ResourceView), Problems))]
#[post("/resources")]
pub(crate) async fn create(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let view = caller.service.create_resource(&allowed, body.parse()?).await?;
    Ok(created(&format!("/api/v1/resources/{}", view.id), &view))
}

/// Changes how tokens for a resource are made, and adds roles that can be granted. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = ChangedResource, responses((status = 200, body = ResourceView), Problems))]
#[patch("/resources/{id}")]
pub(crate) async fn update(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let change = body.parse()?;
    ok(caller.service.change_resource(&allowed, id(&path)?, change).await)
}

/// Lists every resource. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", responses((status = 200, body = List<ResourceView>), Problems))]
#[get("/resources")]
pub(crate) async fn list(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.resources(&allowed).await)
}

/// Shows a resource. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 200, body = ResourceView), Problems))]
#[get("/resources/{id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.resource(&allowed, id(&path)?).await)
}
