//! Public keys by which an application authenticates without a secret: register, list, show, delete. A private key is
//! rejected, and its sender told that it is compromised.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    audit_action::AuditAction,
    client_key::ClientKey,
    credential::{CredentialKind, PublicPart},
    expiry::{Lifetimes, latest, parse_expiry},
    key_registration::{UnfitRegistration, holds_private_key, read_jwk, read_pem},
    policy::Permission,
    secret::ClientSecret,
    webhook::parse_url,
};
use jose::strict_json::StrictObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{NewClientSecret, NewProof, client_secrets::NoticeRecipients};
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

/// A new key: `jwk`, `certificate` or `jwks_uri`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// 1 to 120 characters; say where it will be used.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// RFC 3339 with offset, or a date that means the end of that day in UTC; at most the same day next year, and never later
    /// than the certificate's own end. The latest possible when left out.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// A public JWK (RFC 7517): EC on P-256, OKP on Ed25519, or RSA of 2048 to 4096 bits. Its `kid` is kept; without one it is
    /// the RFC 7638 thumbprint.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwk: Option<StrictObject>,
    /// PEM of a certificate, or of a public key alone.
    #[serde(default)]
    pub certificate: Option<String>,
    /// An https URL where the application publishes its keys as a JWK Set. It is read again every minute: a key that has
    /// disappeared from it counts no longer. While it can't be reached, what was read last is believed for a day.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub jwks_uri: Option<String>,
    /// The credential of the same application that the new one is to replace: people then see a rotation.
    #[serde(default)]
    pub replaces: Option<Uuid>,
}

/// A public key of an application.
#[derive(Serialize, ToSchema)]
pub struct KeyView {
    /// What it has in common with a secret; `hint` is the beginning of the thumbprint.
    #[serde(flatten)]
    pub common: SecretView,
    /// The name that assertions may give it in their header.
    pub kid: Option<String>,
    /// RFC 7638 thumbprint of the key, base64url; assertions may use it as `kid`, too.
    pub thumbprint_s256: Option<String>,
    /// What assertions under it are signed by. On the tenant routes certificates may use RS256 instead of PS256.
    pub alg: Option<&'static str>,
    /// The certificate's SHA-1 thumbprint, base64url, as header `x5t` has it; null without a certificate.
    pub x5t: Option<String>,
    /// The certificate's SHA-256 thumbprint, base64url, as header `x5t#S256` has it; null without a certificate.
    pub x5t_s256: Option<String>,
    /// The public key.
    #[schema(value_type = Option<Object>)]
    pub jwk: Option<Map<String, Value>>,
    /// Where its owner publishes it; null for a registered one.
    pub jwks_uri: Option<String>,
}

fn view(one: ClientSecret, now: DateTime<Utc>) -> KeyView {
    let key = match &one.public {
        PublicPart::Key(key) => Some(Arc::clone(key)),
        PublicPart::Secret | PublicPart::Federated(_) => None,
    };
    let (registered, jwks_uri) = match key.as_deref() {
        Some(ClientKey::Registered(key)) => (Some(key), None),
        Some(ClientKey::Published(url)) => (None, Some(url.clone())),
        None => (None, None),
    };
    let certificate = registered.and_then(|key| key.certificate.as_ref());
    KeyView {
        kid: registered.map(|key| key.kid.clone()),
        thumbprint_s256: registered.map(|key| key.public.thumbprint().to_owned()),
        alg: registered
            .and_then(|key| key.algorithm())
            .map(|algorithm| algorithm.name()),
        x5t: certificate.map(|thumbprints| thumbprints.sha1.clone()),
        x5t_s256: certificate.map(|thumbprints| thumbprints.sha256.clone()),
        jwk: registered.map(|key| key.public.jwk().clone()),
        jwks_uri,
        common: common(one, now),
    }
}

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::Invalid(error.to_string())
}

/// Parses the key in a body, with the expiry of its certificate.
fn read_key(
    new: &NewKeyBody,
    (now, allow_private): (DateTime<Utc>, bool),
) -> Result<(ClientKey, Option<DateTime<Utc>>), Problem> {
    let registered = |key| ClientKey::Registered(Box::new(key));
    match (&new.jwk, &new.certificate, &new.jwks_uri) {
        (Some(StrictObject(jwk)), None, None) => Ok((registered(read_jwk(jwk).map_err(invalid)?), None)),
        (None, Some(pem), None) => {
            let (key, end) = read_pem(pem, now).map_err(invalid)?;
            Ok((registered(key), end))
        }
        (None, None, Some(url)) => {
            let url = parse_url(url, allow_private).map_err(|error| invalid(format!("jwks_uri: {error}")))?;
            Ok((ClientKey::Published(url.to_string()), None))
        }
        _ => Err(Problem::Invalid(
            "send either jwk, certificate or jwks_uri".to_owned(),
        )),
    }
}

/// The expiry: one year at most, and not beyond the certificate's.
fn end(
    wanted: Option<&str>,
    own: Option<DateTime<Utc>>,
    (now, lifetimes): (DateTime<Utc>, Lifetimes),
) -> Result<DateTime<Utc>, Problem> {
    let longest = latest(now, lifetimes.max_days);
    let longest = own.map_or(longest, |own| own.min(longest));
    let Some(wanted) = wanted else {
        return Ok(longest);
    };
    let wanted = parse_expiry(wanted, now, lifetimes).map_err(invalid)?;
    match own {
        Some(own) if wanted > own => {
            let own = own.to_rfc3339_opts(SecondsFormat::Secs, true);
            Err(Problem::Invalid(format!(
                "expires_at must not be later than the end of the certificate, {own}"
            )))
        }
        _ => Ok(wanted),
    }
}

impl Management {
    /// Registers a key; usable in the next request on any node.
    pub async fn create_key(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        new: NewKeyBody,
    ) -> Result<KeyView, Problem> {
        let now = self.now();
        let name = name("name", &new.name)?;
        let allow_private = self.settings.allow_private_webhooks;
        let (key, own_end) = read_key(&new, (now, allow_private))?;
        let expires_at = end(new.expires_at.as_deref(), own_end, (now, self.settings.lifetimes))?;
        let hint = match &key {
            ClientKey::Registered(key) => key.public.thumbprint().chars().take(3).collect(),
            ClientKey::Published(_) => String::new(),
        };
        let public = PublicPart::Key(Arc::new(key));
        let credential = NewClientSecret {
            id: self.uuid()?,
            client_id,
            name,
            hint,
            proof: NewProof::Public(public),
            created_by: allowed.actor.clone(),
            created_at: now,
            expires_at,
            replaces: new.replaces,
        };
        let id = credential.id;
        let entry = self.done(allowed, AuditAction::KeyCreate, object(client_id, id));
        self.store
            .create_credential(
                credential,
                self.settings.secrets,
                NoticeRecipients::Managers,
                entry,
            )
            .await
            .map_err(|error| match error {
                store::StoreError::Conflict => {
                    Problem::Conflict("the application has this key, or one of this kid, already".to_owned())
                }
                other => other.into(),
            })?;
        self.key(allowed, client_id, id).await
    }

    /// One key.
    pub async fn key(&self, _: &Allowed, client_id: Uuid, id: Uuid) -> Result<KeyView, Problem> {
        let now = self.now();
        let which = (CredentialKind::Key, client_id, id);
        let found = self.store.credential(which, now).await?;
        found.map(|one| view(one, now)).ok_or(Problem::NotFound)
    }

    /// The keys of an application, the most urgent first.
    pub async fn keys(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        query: SecretQuery,
    ) -> Result<List<KeyView>, Problem> {
        let of = (CredentialKind::Key, client_id);
        let found = self.credentials(allowed, of, query).await?;
        let now = self.now();
        Ok(found.map(|one| view(one, now)))
    }

    /// Deletes a key; answers when no node accepts it any more.
    pub async fn delete_key(&self, allowed: &Allowed, client_id: Uuid, id: Uuid) -> Result<(), Problem> {
        let which = (CredentialKind::Key, client_id, id);
        let entry = self.done(allowed, AuditAction::KeyDelete, object(client_id, id));
        self.delete_credential(which, entry).await
    }
}

fn object(client_id: Uuid, id: Uuid) -> String {
    format!("application/{client_id}/key/{id}")
}

/// Registers a public key. Role: a credential manager of the application.
///
/// The private half stays with its owner: a request that holds one is refused, and the key is burnt.
#[utoipa::path(tag = "Keys", params(("client_id" = Uuid, Path)), request_body = NewKeyBody, responses((status = 201, body = KeyView), Problems))]
#[post("/applications/{client_id}/keys")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::CreateSecret, client_id).await?;
    if body.is_text_with(holds_private_key) {
        return Err(invalid(UnfitRegistration::Private));
    }
    let made = caller
        .service
        .create_key(&allowed, client_id, body.parse()?)
        .await?;
    let place = format!("/api/v1/applications/{client_id}/keys/{}", made.common.id);
    Ok(created(&place, &made))
}

/// Lists the keys of an application, the most urgent first. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Keys", params(("client_id" = Uuid, Path), SecretQuery), responses((status = 200, body = List<KeyView>), Problems))]
#[get("/applications/{client_id}/keys")]
pub(crate) async fn list(
    caller: Caller,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller
        .service
        .keys(&allowed, client_id, body::query(&request)?)
        .await)
}

/// Shows a key. Roles: admin, auditor, the application's credential managers.
#[utoipa::path(tag = "Keys", params(("client_id" = Uuid, Path), ("key_id" = Uuid, Path)), responses((status = 200, body = KeyView), Problems))]
#[get("/applications/{client_id}/keys/{key_id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (client_id, key_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.key(&allowed, client_id, key_id).await)
}

/// Deletes a key: when this is answered, no node issues a token for it. Roles: a credential manager of the application; in an
/// emergency an admin.
#[utoipa::path(tag = "Keys", params(("client_id" = Uuid, Path), ("key_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/applications/{client_id}/keys/{key_id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (client_id, key_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::DeleteSecret, client_id).await?;
    caller.service.delete_key(&allowed, client_id, key_id).await?;
    Ok(HttpResponse::NoContent().finish())
}
