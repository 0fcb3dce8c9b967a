//! The authentication factors of one's own account: password, authenticator and recovery codes.

use actix_web::{HttpRequest, HttpResponse, post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{audit::Entry, audit_action::AuditAction, policy::Permission};
use serde::{Deserialize, Serialize};
use store::accounts::FactorChange;
use utoipa::ToSchema;
use uuid::Uuid;

use super::reauthentication::PresentedFactors;
use crate::{
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::Body,
        caller::Caller,
        problem::Problem,
    },
    sign_in::{
        attempts::Origin,
        enrolment::{AuthenticatorView, RecoveryCodes},
    },
};

/// Time limit for confirming a new authenticator.
const TO_CONFIRM: TimeDelta = TimeDelta::minutes(15);

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedPassword {
    /// The password that there is.
    pub password: String,
    /// Six digits of the authenticator.
    #[serde(default)]
    pub totp: Option<String>,
    /// Instead of `totp`: one of the recovery codes.
    #[serde(default)]
    pub recovery_code: Option<String>,
    /// 8 to 256 characters; none that is often used, and neither the address nor the organisation's name.
    #[schema(min_length = 8, max_length = 256)]
    pub new_password: String,
}

/// Who the caller is, proved again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reauthentication {
    /// The password.
    pub password: String,
    /// Six digits of the authenticator.
    #[serde(default)]
    pub totp: Option<String>,
    /// Instead of `totp`: one of the recovery codes.
    #[serde(default)]
    pub recovery_code: Option<String>,
}

impl From<Reauthentication> for PresentedFactors {
    fn from(body: Reauthentication) -> Self {
        Self {
            password: body.password,
            totp: body.totp,
            recovery_code: body.recovery_code,
        }
    }
}

/// A new authenticator, which counts once a code of it has come back.
#[derive(Serialize, ToSchema)]
pub struct NewAuthenticator {
    /// What to put into it.
    #[serde(flatten)]
    pub authenticator: AuthenticatorView,
    /// Send it back with the code.
    pub token: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// A code of the new authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmedAuthenticator {
    /// The `token` of the first step.
    pub token: String,
    /// Six digits of the new authenticator.
    pub totp: String,
}

/// A new authenticator that awaits confirmation, sealed for this session.
#[derive(Deserialize, Serialize)]
struct Pending {
    secret: Vec<u8>,
    until: i64,
}

impl Caller {
    fn change(&self, action: AuditAction, origin: &Origin) -> Entry {
        let object = format!("user/{}", self.session.user.id);
        let place = origin.source.0.to_string();
        let done = domain::audit::Outcome::Done;
        self.service
            .entry((&self.session.user.email, &place), action, object, done)
    }

    /// The owner under which a pending authenticator is sealed: this session.
    fn pending_owner(&self) -> Uuid {
        let tag = self.service.pepper.tag("pending authenticator", &self.digest);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag[..16]);
        Uuid::from_bytes(bytes)
    }

    fn seal_pending(&self, sealed_secret: &[u8]) -> Result<(String, DateTime<Utc>), Problem> {
        let service = &self.service;
        let until = service.now() + TO_CONFIRM;
        let pending = Pending {
            secret: sealed_secret.to_vec(),
            until: until.timestamp(),
        };
        let text = serde_json::to_vec(&pending).map_err(|error| Problem::Internal(error.to_string()))?;
        let sealed = service
            .pepper
            .seal(self.pending_owner(), &text, &*service.random)?;
        Ok((URL_SAFE_NO_PAD.encode(sealed), until))
    }

    fn open_pending(&self, token: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let opened = self.service.pepper.open(self.pending_owner(), &sealed)?;
        let pending: Pending = serde_json::from_slice(&opened).ok()?;
        (self.service.now().timestamp() < pending.until).then_some(pending.secret)
    }
}

/// Changes the caller's password, ends their other sessions and tells them by mail.
#[utoipa::path(tag = "Account", request_body = ChangedPassword, responses((status = 204), Problems))]
#[post("/account/password")]
pub(crate) async fn change_password(
    caller: Caller,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let body: ChangedPassword = body.parse()?;
    let (service, origin) = (&caller.service, Origin::read(&request));
    service
        .check_new_password(&body.new_password, &caller.session.user)
        .await?;
    let factors = PresentedFactors {
        password: body.password,
        totp: body.totp,
        recovery_code: body.recovery_code,
    };
    caller.reauthenticate(&origin, factors).await?;
    let hash = service.hash_password(body.new_password).await?;
    let entry = caller.change(AuditAction::AccountChangePassword, &origin);
    let change = FactorChange::Password(hash);
    service
        .store
        .change_factor(caller.session.user.id, caller.digest, change, entry)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Hands out a new authenticator's secret; the old one stays until a code of the new one has come back.
#[utoipa::path(tag = "Account", request_body = Reauthentication, responses((status = 200, body = NewAuthenticator), Problems))]
#[post("/account/authenticator")]
pub(crate) async fn begin_authenticator(
    caller: Caller,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let factors: Reauthentication = body.parse()?;
    caller
        .reauthenticate(&Origin::read(&request), factors.into())
        .await?;
    let user = &caller.session.user;
    let (authenticator, sealed) = caller.service.new_authenticator(user.id, &user.email)?;
    let (token, expires_at) = caller.seal_pending(&sealed)?;
    ok(Ok(NewAuthenticator {
        authenticator: AuthenticatorView::of(user.email.clone(), &authenticator)?,
        token,
        expires_at,
    }))
}

/// Takes a code of the new authenticator, which replaces the old one with its recovery codes; ends the caller's other
/// sessions and tells them by mail. Answers with the new recovery codes, this once.
#[utoipa::path(tag = "Account", request_body = ConfirmedAuthenticator, responses((status = 201, body = RecoveryCodes), Problems))]
#[post("/account/authenticator/confirm")]
pub(crate) async fn confirm_authenticator(
    caller: Caller,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let body: ConfirmedAuthenticator = body.parse()?;
    let (service, user) = (&caller.service, &caller.session.user);
    let secret = caller.open_pending(&body.token).ok_or_else(|| {
        Problem::Invalid("this token is unknown or too old: begin again with the password".to_owned())
    })?;
    let origin = Origin::read(&request);
    service.count_attempt(&user.email, &origin).await?;
    let step = service.step_of((user.id, &user.email), &secret, &body.totp)?;
    let step = step.ok_or_else(|| Problem::Invalid("the code is wrong: send the next one".to_owned()))?;
    let (codes, digests) = service.new_recovery_codes(user.id)?;
    let change = FactorChange::Authenticator {
        secret,
        step,
        recovery_codes: digests,
    };
    let entry = caller.change(AuditAction::AccountChangeAuthenticator, &origin);
    service
        .store
        .change_factor(user.id, caller.digest, change, entry)
        .await?;
    let recovery_codes = RecoveryCodes {
        recovery_codes: codes,
    };
    Ok(created("/api/v1/account", &recovery_codes))
}

/// Replaces the caller's recovery codes, ends their other sessions and tells them by mail. Answers with the new codes,
/// this once.
#[utoipa::path(tag = "Account", request_body = Reauthentication, responses((status = 201, body = RecoveryCodes), Problems))]
#[post("/account/recovery-codes")]
pub(crate) async fn replace_recovery_codes(
    caller: Caller,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let (factors, origin): (Reauthentication, _) = (body.parse()?, Origin::read(&request));
    caller.reauthenticate(&origin, factors.into()).await?;
    let (service, user_id) = (&caller.service, caller.session.user.id);
    let (codes, digests) = service.new_recovery_codes(user_id)?;
    let entry = caller.change(AuditAction::AccountReplaceRecoveryCodes, &origin);
    let change = FactorChange::RecoveryCodes(digests);
    service
        .store
        .change_factor(user_id, caller.digest, change, entry)
        .await?;
    let recovery_codes = RecoveryCodes {
        recovery_codes: codes,
    };
    Ok(created("/api/v1/account", &recovery_codes))
}
