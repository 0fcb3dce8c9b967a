//! Client secrets of an application: create, list, show, delete. The value appears in the response that creates it
//! and nowhere else. `Idempotency-Key` is not supported: storing a response would mean storing the value.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    audit::Entry,
    audit_action::AuditAction,
    credential::CredentialKind,
    expiry::parse_expiry,
    policy::Permission,
    reminder::Notification,
    secret::{ClientSecret, NewSecret, SecretStatus},
};
use serde::{Deserialize, Serialize};
use store::{
    NewClientSecret, NewProof,
    client_secrets::{NoticeRecipients, SecretFilter},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{self, Body, id, name},
        caller::Caller,
        cursor::{self, List},
        problem::Problem,
    },
    state::Management,
};

/// A new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecretBody {
    /// 1 to 120 characters; say where it will be used.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// RFC 3339 with offset, or a date that means the end of that day in UTC; an hour away at least, at most the same day next year.
    pub expires_at: String,
    /// The secret of the same application that the new one is to replace: people then see a rotation.
    #[serde(default)]
    pub replaces: Option<Uuid>,
}

/// A credential: of a secret everything but its value.
#[derive(Serialize, ToSchema)]
pub struct SecretView {
    /// Permanent identifier; not the value.
    pub id: Uuid,
    /// What the manager calls it.
    pub name: String,
    /// The first three characters of the value; of a key, those of its thumbprint.
    pub hint: String,
    /// RFC 3339, UTC.
    pub created_at: DateTime<Utc>,
    /// Who created it.
    pub created_by: String,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// `active`, `expiring` (within a month), `suspended` or `expired`.
    pub status: &'static str,
    /// Until then it is refused, and its tokens with it; null when it is not suspended.
    pub suspended_until: Option<DateTime<Utc>>,
    /// When a system last exchanged it for another: it ends soon, by itself. Null when none did.
    pub rotated_itself_at: Option<DateTime<Utc>>,
    /// When the WMDA team let it live on beyond its expiry; null when it did not.
    pub graced_at: Option<DateTime<Utc>>,
    /// When it was reported as leaked; null when it was not.
    pub leak_reported_at: Option<DateTime<Utc>>,
    /// The address that reported it first.
    pub leak_reported_from: Option<String>,
    /// When it last got a token; null when it never did.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The address that this token was asked from.
    pub last_used_from: Option<String>,
    /// The User-Agent that asked.
    pub last_used_with: Option<String>,
    /// The secret that it is to replace; once that one is deleted, the rotation has ended.
    pub replaces: Option<Uuid>,
    /// Tokens issued per day in the last 30 days; days without any are left out.
    pub tokens_per_day: Vec<DayView>,
    /// When its value was last presented after the expiry: a system still uses it. Null when none was.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
    /// The address that it was presented from; null when that was longer ago than refused requests are remembered, 30 days.
    pub tried_after_expiry_from: Option<String>,
    /// The User-Agent that presented it.
    pub tried_after_expiry_with: Option<String>,
    /// When its value was last presented during the suspension that is in force, or was last: a system needs it. Null when
    /// none was.
    pub tried_while_suspended_at: Option<DateTime<Utc>>,
    /// What was told to whom by mail, and what is about to be.
    pub notifications: Vec<NotificationView>,
}

/// A mail about the secret to one recipient.
#[derive(Serialize, ToSchema)]
pub struct NotificationView {
    /// Days before the expiry; -1: the expired secret is still being tried, -2: it was deleted.
    pub threshold_days: i32,
    /// The address.
    pub recipient: String,
    /// `reminder`, `please_delete` (the rotation is done), `expired`, `still_tried` or `withdrawn` (it was deleted).
    pub kind: &'static str,
    /// `pending` (to be sent, or tried again), `sent`, `failed` (refused for good) or `suppressed` (no reason any more).
    pub state: &'static str,
    /// Since when it stands so.
    pub at: DateTime<Utc>,
}

impl From<Notification> for NotificationView {
    fn from(one: Notification) -> Self {
        Self {
            threshold_days: one.threshold_days,
            recipient: one.recipient,
            kind: one.kind.as_str(),
            state: one.state.as_str(),
            at: one.at,
        }
    }
}

/// Tokens of one day.
#[derive(Serialize, ToSchema)]
pub struct DayView {
    /// The day in UTC.
    pub day: NaiveDate,
    /// How many.
    pub tokens: i64,
}

/// A secret with its value, this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedSecret {
    /// All but the value.
    #[serde(flatten)]
    pub view: SecretView,
    /// The value. Keep it now: it is stored nowhere and never shown again.
    pub secret: String,
}

/// Filter and pagination of secrets.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SecretQuery {
    /// How many items at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Only secrets whose name holds this text, in any case.
    #[param(max_length = 120)]
    pub search: Option<String>,
    /// `active`, `expiring`, `suspended` or `expired`.
    #[param(pattern = "^(active|expiring|suspended|expired)$")]
    pub status: Option<String>,
}

fn status_text(status: SecretStatus) -> &'static str {
    match status {
        SecretStatus::Active => "active",
        SecretStatus::Expiring => "expiring",
        SecretStatus::Suspended => "suspended",
        SecretStatus::Expired => "expired",
    }
}

fn parse_status(text: &str) -> Result<SecretStatus, Problem> {
    match text {
        "active" => Ok(SecretStatus::Active),
        "expiring" => Ok(SecretStatus::Expiring),
        "suspended" => Ok(SecretStatus::Suspended),
        "expired" => Ok(SecretStatus::Expired),
        _ => Err(Problem::Invalid(
            "status is active, expiring, suspended or expired".to_owned(),
        )),
    }
}

pub(crate) fn view(one: ClientSecret, now: DateTime<Utc>) -> SecretView {
    let status = status_text(one.status(now));
    let (at, from, with) = match one.last_use {
        Some(last) => (Some(last.at), Some(last.origin.from), Some(last.origin.with)),
        None => (None, None, None),
    };
    let (tried_from, tried_with) = one
        .tried_after_expiry_origin
        .map(|tried| (tried.from, tried.with))
        .unzip();
    let day = |(day, tokens)| DayView { day, tokens };
    let (leak_reported_at, leak_reported_from) = one.leak.map(|leak| (leak.at, leak.from)).unzip();
    SecretView {
        id: one.id,
        name: one.name,
        hint: one.hint,
        created_at: one.created_at,
        created_by: one.created_by,
        expires_at: one.expires_at,
        status,
        suspended_until: one.suspended_until.filter(|until| *until > now),
        rotated_itself_at: one.rotated_itself_at,
        graced_at: one.graced_at,
        leak_reported_at,
        leak_reported_from,
        last_used_at: at,
        last_used_from: from,
        last_used_with: with,
        replaces: one.replaces,
        tokens_per_day: one.tokens_per_day.into_iter().map(day).collect(),
        tried_after_expiry_at: one.tried_after_expiry_at,
        tried_after_expiry_from: tried_from,
        tried_after_expiry_with: tried_with,
        tried_while_suspended_at: one.tried_while_suspended_at,
        notifications: one.notifications.into_iter().map(Into::into).collect(),
    }
}

impl Management {
    /// Creates a secret; usable in the next request on any node.
    pub async fn create_secret(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        new: NewSecretBody,
    ) -> Result<CreatedSecret, Problem> {
        let now = self.now();
        let invalid = |error: domain::expiry::InvalidExpiry| Problem::Invalid(error.to_string());
        let name = name("name", &new.name)?;
        let expires_at = parse_expiry(&new.expires_at, now, self.settings.lifetimes).map_err(invalid)?;
        let value = NewSecret::generate(&*self.random)?;
        let secret = NewClientSecret {
            id: self.uuid()?,
            client_id,
            name,
            hint: value.hint().to_owned(),
            proof: NewProof::Secret(self.pepper.digest(client_id, value.reveal())),
            created_by: allowed.actor.clone(),
            created_at: now,
            expires_at,
            replaces: new.replaces,
        };
        let id = secret.id;
        let entry = self.done(allowed, AuditAction::SecretCreate, object(client_id, id));
        self.store
            .create_credential(secret, self.settings.secrets, NoticeRecipients::Managers, entry)
            .await?;
        Ok(CreatedSecret {
            view: self.secret(allowed, client_id, id).await?,
            secret: value.reveal().to_owned(),
        })
    }

    /// One secret.
    pub async fn secret(&self, _: &Allowed, client_id: Uuid, id: Uuid) -> Result<SecretView, Problem> {
        let now = self.now();
        let found = self.store.secret(client_id, id, now).await?;
        found.map(|one| view(one, now)).ok_or(Problem::NotFound)
    }

    /// The secrets of an application, the most urgent first.
    pub async fn secrets(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        query: SecretQuery,
    ) -> Result<List<SecretView>, Problem> {
        let of = (CredentialKind::Secret, client_id);
        let found = self.credentials(allowed, of, query).await?;
        let now = self.now();
        Ok(found.map(|one| view(one, now)))
    }

    /// The credentials of one kind of an application, the most urgent first.
    pub(crate) async fn credentials(
        &self,
        allowed: &Allowed,
        (kind, client_id): (CredentialKind, Uuid),
        query: SecretQuery,
    ) -> Result<List<ClientSecret>, Problem> {
        self.application(allowed, client_id).await?;
        let limit = cursor::limit(query.limit)?;
        let place = format!("{}s {client_id}", kind.as_str());
        let after = cursor::open(&self.pepper, &place, query.after.as_deref())?;
        let filter = SecretFilter {
            kind,
            status: query.status.as_deref().map(parse_status).transpose()?,
            search: cursor::search(query.search)?,
            after: after.as_deref().and_then(cursor::parse_expiry_key),
            limit: limit as i64,
        };
        let found = self.store.secrets(client_id, filter, self.now()).await?;
        let next = found.next.map(|(at, id)| cursor::expiry_key(at, id));
        Ok(List {
            items: found.secrets,
            next: next.map(|key| cursor::seal(&self.pepper, &place, &key)),
        })
    }

    /// Deletes a secret; answers when no node accepts it any more.
    pub async fn delete_secret(&self, allowed: &Allowed, client_id: Uuid, id: Uuid) -> Result<(), Problem> {
        let which = (CredentialKind::Secret, client_id, id);
        let entry = self.done(allowed, AuditAction::SecretDelete, object(client_id, id));
        self.delete_credential(which, entry).await
    }

    /// Deletes a credential; answers when no node accepts it any more.
    pub(crate) async fn delete_credential(
        &self,
        which: (CredentialKind, Uuid, Uuid),
        entry: Entry,
    ) -> Result<(), Problem> {
        let outcome = self
            .store
            .delete_credential(which, NoticeRecipients::Managers, self.now(), entry)
            .await;
        // Waits out the lease even if there is none: an earlier DELETE may have been answered by 503 and yet
        // committed, and a caller that retries takes the 404 for its success.
        self.memory.settle().await?;
        Ok(outcome?)
    }
}

pub(crate) fn object(client_id: Uuid, id: Uuid) -> String {
    format!("application/{client_id}/secret/{id}")
}

/// Creates a secret and shows its value, this once. Role: a credential manager of the application.
///
/// There is no Idempotency-Key, because an answer that holds a secret is not kept: after a lost answer, list, delete
/// the secret without a known value, and create again.
#[utoipa::path(tag = "Secrets", params(("client_id" = Uuid, Path)), request_body = NewSecretBody, responses((status = 201, body = CreatedSecret), Problems))]
#[post("/applications/{client_id}/secrets")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::CreateSecret, client_id).await?;
    let made = caller
        .service
        .create_secret(&allowed, client_id, body.parse()?)
        .await?;
    let place = format!("/api/v1/applications/{client_id}/secrets/{}", made.view.id);
    Ok(created(&place, &made))
}

/// Lists the secrets of an application, the most urgent first. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Secrets", params(("client_id" = Uuid, Path), SecretQuery), responses((status = 200, body = List<SecretView>), Problems))]
#[get("/applications/{client_id}/secrets")]
pub(crate) async fn list(
    caller: Caller,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller
        .service
        .secrets(&allowed, client_id, body::query(&request)?)
        .await)
}

/// Shows a secret without its value. Roles: admin, auditor, the application's credential managers.
#[utoipa::path(tag = "Secrets", params(("client_id" = Uuid, Path), ("secret_id" = Uuid, Path)), responses((status = 200, body = SecretView), Problems))]
#[get("/applications/{client_id}/secrets/{secret_id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (client_id, secret_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.secret(&allowed, client_id, secret_id).await)
}

/// Deletes a secret: when this is answered, no node issues a token for it. Roles: a credential manager of the
/// application; in an emergency an admin.
#[utoipa::path(tag = "Secrets", params(("client_id" = Uuid, Path), ("secret_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/applications/{client_id}/secrets/{secret_id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (client_id, secret_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::DeleteSecret, client_id).await?;
    caller
        .service
        .delete_secret(&allowed, client_id, secret_id)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
