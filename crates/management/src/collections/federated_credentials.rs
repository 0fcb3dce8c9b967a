//! Federated identities of an application: JWTs of an external issuer, such as a cluster, a cloud or a build service,
//! authenticate it instead of a secret. Register, list, show, delete.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use chrono::{DateTime, Utc};
use domain::{
    audit_action::AuditAction,
    credential::{CredentialKind, PublicPart},
    expiry::{latest, parse_expiry},
    federation::FederatedIdentity,
    policy::Permission,
    secret::ClientSecret,
};
use jose::strict_json::StrictObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    NewClientSecret, NewProof, StoreError,
    client_secrets::{NoticeRecipients, SecretLimits},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::secrets::{SecretQuery, SecretView, view as common};
use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{self, Body, id, name},
        caller::Caller,
        cursor::List,
        problem::Problem,
    },
    state::Management,
};

/// Limit per application; secrets and keys have a limit of their own.
const LIMIT: i64 = 20;

/// A new federated identity. Everything is compared to the letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFederatedBody {
    /// 1 to 120 characters; say where it will be used.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The `iss` of the JWTs: an https URL.
    #[schema(max_length = 500)]
    pub issuer: String,
    /// The `sub` of the JWTs.
    #[schema(max_length = 500)]
    pub subject: String,
    /// The `aud` of the JWTs, the only one.
    #[schema(max_length = 500)]
    pub audience: String,
    /// The issuer's public keys as a JWK Set, where this server can't reach its discovery document.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<StrictObject>,
    /// As for secrets; the latest possible when left out.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// The credential of the same application that the new one is to replace: people then see a rotation.
    #[serde(default)]
    pub replaces: Option<Uuid>,
}

/// A federated identity of an application.
#[derive(Serialize, ToSchema)]
pub struct FederatedView {
    /// What it has in common with a secret; `hint` is empty.
    #[serde(flatten)]
    pub common: SecretView,
    /// The `iss` of the JWTs.
    pub issuer: String,
    /// The `sub` of the JWTs.
    pub subject: String,
    /// The `aud` of the JWTs.
    pub audience: String,
    /// The keys that were pasted; null: the issuer's discovery document names them.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
}

fn view(one: ClientSecret, now: DateTime<Utc>) -> FederatedView {
    let identity = match &one.public {
        PublicPart::Federated(identity) => Some(Arc::clone(identity)),
        PublicPart::Secret | PublicPart::Key(_) => None,
    };
    let text =
        |of: fn(&FederatedIdentity) -> &String| identity.as_deref().map(of).cloned().unwrap_or_default();
    FederatedView {
        issuer: text(|identity| &identity.issuer),
        subject: text(|identity| &identity.subject),
        audience: text(|identity| &identity.audience),
        jwks: identity.as_deref().and_then(FederatedIdentity::jwks),
        common: common(one, now),
    }
}

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::Invalid(error.to_string())
}

impl Management {
    /// Registers a federated identity; usable in the next request on any node.
    pub async fn create_federated(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        new: NewFederatedBody,
    ) -> Result<FederatedView, Problem> {
        let now = self.now();
        let name = name("name", &new.name)?;
        let settings = &self.settings;
        let identity = FederatedIdentity::register(
            [&new.issuer, &new.subject, &new.audience],
            new.jwks.as_ref().map(|StrictObject(set)| set),
            (&settings.refused_issuers, settings.allow_private_webhooks),
        )
        .map_err(invalid)?;
        let expires_at = match &new.expires_at {
            Some(text) => parse_expiry(text, now, settings.lifetimes).map_err(invalid)?,
            None => latest(now, settings.lifetimes.max_days),
        };
        let credential = NewClientSecret {
            id: self.uuid()?,
            client_id,
            name,
            hint: String::new(),
            proof: NewProof::Public(PublicPart::Federated(Arc::new(identity))),
            created_by: allowed.actor.clone(),
            created_at: now,
            expires_at,
            replaces: new.replaces,
        };
        let id = credential.id;
        let entry = self.done(
            allowed,
            AuditAction::FederatedCredentialCreate,
            object(client_id, id),
        );
        let limits = SecretLimits {
            live: LIMIT,
            ..self.settings.secrets
        };
        let outcome = self
            .store
            .create_credential(credential, limits, NoticeRecipients::Managers, entry)
            .await;
        outcome.map_err(|error| match error {
            StoreError::Conflict => Problem::Conflict("the application has this identity already".to_owned()),
            other => other.into(),
        })?;
        self.federated(allowed, client_id, id).await
    }

    /// One federated identity.
    pub async fn federated(&self, _: &Allowed, client_id: Uuid, id: Uuid) -> Result<FederatedView, Problem> {
        let now = self.now();
        let which = (CredentialKind::Federated, client_id, id);
        let found = self.store.credential(which, now).await?;
        found.map(|one| view(one, now)).ok_or(Problem::NotFound)
    }

    /// The federated identities of an application, the most urgent first.
    pub async fn federated_credentials(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        query: SecretQuery,
    ) -> Result<List<FederatedView>, Problem> {
        let of = (CredentialKind::Federated, client_id);
        let found = self.credentials(allowed, of, query).await?;
        let now = self.now();
        Ok(found.map(|one| view(one, now)))
    }

    /// Deletes a federated identity; answers when no node accepts it any more.
    pub async fn delete_federated(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        id: Uuid,
    ) -> Result<(), Problem> {
        let which = (CredentialKind::Federated, client_id, id);
        let entry = self.done(
            allowed,
            AuditAction::FederatedCredentialDelete,
            object(client_id, id),
        );
        self.delete_credential(which, entry).await
    }
}

fn object(client_id: Uuid, id: Uuid) -> String {
    format!("application/{client_id}/federated-credential/{id}")
}

/// Registers a federated identity. Role: a credential manager of the application.
#[utoipa::path(tag = "Federated credentials", params(("client_id" = Uuid, Path)), request_body = NewFederatedBody, responses((status = 201, body = FederatedView), Problems))]
#[post("/applications/{client_id}/federated-credentials")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::CreateSecret, client_id).await?;
    let made = caller
        .service
        .create_federated(&allowed, client_id, body.parse()?)
        .await?;
    let place = format!(
        "/api/v1/applications/{client_id}/federated-credentials/{}",
        made.common.id
    );
    Ok(created(&place, &made))
}

/// Lists the federated identities of an application, the most urgent first. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Federated credentials", params(("client_id" = Uuid, Path), SecretQuery), responses((status = 200, body = List<FederatedView>), Problems))]
#[get("/applications/{client_id}/federated-credentials")]
pub(crate) async fn list(
    caller: Caller,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller
        .service
        .federated_credentials(&allowed, client_id, body::query(&request)?)
        .await)
}

/// Shows a federated identity. Roles: admin, auditor, the application's credential managers.
#[utoipa::path(tag = "Federated credentials", params(("client_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = 200, body = FederatedView), Problems))]
#[get("/applications/{client_id}/federated-credentials/{id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (client_id, own_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.federated(&allowed, client_id, own_id).await)
}

/// Deletes a federated identity: when this is answered, no node issues a token for it. Roles: a credential manager of the application; in an
/// emergency an admin.
#[utoipa::path(tag = "Federated credentials", params(("client_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/applications/{client_id}/federated-credentials/{id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (client_id, own_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::DeleteSecret, client_id).await?;
    caller
        .service
        .delete_federated(&allowed, client_id, own_id)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
