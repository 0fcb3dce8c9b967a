//! Suspension of a credential: a trial without it. It ends by itself, or is taken back at any time.

use actix_web::{HttpResponse, patch, web};
use domain::{
    audit_action::AuditAction, credential::CredentialKind, policy::Permission, suspension::parse_end,
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::{federated_credentials::FederatedView, keys::KeyView, secrets::SecretView},
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::{Body, id},
        caller::Caller,
        problem::Problem,
    },
    state::Management,
};

/// Begins, changes or ends a suspension.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionBody {
    /// RFC 3339 with offset, 10 minutes to 7 days from now; null puts the credential back.
    #[serde(deserialize_with = "given")]
    #[schema(required = true)]
    pub suspended_until: Option<String>,
}

/// Requires the field, but allows null.
fn given<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(field)
}

impl Management {
    /// Suspends a credential or takes a suspension back; answers when that is in force on every node.
    pub async fn suspend(
        &self,
        allowed: &Allowed,
        (kind, client_id, id): (CredentialKind, Uuid, Uuid),
        body: &SuspensionBody,
    ) -> Result<(), Problem> {
        let now = self.now();
        let until = body.suspended_until.as_deref();
        let until = until
            .map(|text| parse_end(text, now))
            .transpose()
            .map_err(|error| Problem::Invalid(error.to_string()))?;
        let place = match kind {
            CredentialKind::Secret => "secret",
            CredentialKind::Key => "key",
            CredentialKind::Federated => "federated-credential",
        };
        let action = match until {
            Some(_) => AuditAction::suspension(kind),
            None => AuditAction::resumption(kind),
        };
        let object = format!("application/{client_id}/{place}/{id}");
        let entry = self.done(allowed, action, object);
        let outcome = self
            .store
            .suspend_credential((kind, client_id, id), until, now, entry)
            .await;
        // Waits out the lease even after an error, as for a DELETE: an earlier attempt may have been answered by 503
        // and yet committed.
        self.memory.settle().await?;
        Ok(outcome?)
    }
}

/// Suspends a secret, or puts it back: when this is answered, no node accepts it, or none refuses it. Tokens that it has
/// issued are refused meanwhile, and good again afterwards. Roles: a credential manager of the application; in an
/// emergency an admin.
#[utoipa::path(tag = "Secrets", params(("client_id" = Uuid, Path), ("secret_id" = Uuid, Path)), request_body = SuspensionBody, responses((status = 200, body = SecretView), Problems))]
#[patch("/applications/{client_id}/secrets/{secret_id}")]
pub(crate) async fn suspend_secret(
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (client_id, secret_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::SuspendSecret, client_id).await?;
    let which = (CredentialKind::Secret, client_id, secret_id);
    caller.service.suspend(&allowed, which, &body.parse()?).await?;
    ok(caller.service.secret(&allowed, client_id, secret_id).await)
}

/// Suspends a key, or puts it back, as for a secret. Roles: a credential manager of the application; in an emergency an admin.
#[utoipa::path(tag = "Keys", params(("client_id" = Uuid, Path), ("key_id" = Uuid, Path)), request_body = SuspensionBody, responses((status = 200, body = KeyView), Problems))]
#[patch("/applications/{client_id}/keys/{key_id}")]
pub(crate) async fn suspend_key(
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (client_id, key_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::SuspendSecret, client_id).await?;
    let which = (CredentialKind::Key, client_id, key_id);
    caller.service.suspend(&allowed, which, &body.parse()?).await?;
    ok(caller.service.key(&allowed, client_id, key_id).await)
}

/// Suspends a federated identity, or puts it back, as for a secret. Roles: a credential manager of the application; in an
/// emergency an admin.
#[utoipa::path(tag = "Federated credentials", params(("client_id" = Uuid, Path), ("id" = Uuid, Path)), request_body = SuspensionBody, responses((status = 200, body = FederatedView), Problems))]
#[patch("/applications/{client_id}/federated-credentials/{id}")]
pub(crate) async fn suspend_federated(
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (client_id, own_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::SuspendSecret, client_id).await?;
    let which = (CredentialKind::Federated, client_id, own_id);
    caller.service.suspend(&allowed, which, &body.parse()?).await?;
    ok(caller.service.federated(&allowed, client_id, own_id).await)
}
