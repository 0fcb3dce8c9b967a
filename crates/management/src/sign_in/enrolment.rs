//! Enrolment: a one-time link, then a password, then a code of the authenticator. An existing authenticator is kept
//! and must be proved, so that a reset never bypasses the second factor.

use actix_web::{HttpRequest, HttpResponse, post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{audit_action::AuditAction, random};
use serde::{Deserialize, Serialize};
use store::{
    enrolments::{CompletedEnrolment, Enrolment, NewEnrolment},
    outbox::MailKind,
};
use totp_rs::TOTP;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::Body,
        caller::service,
        problem::{Problem, named_in_body},
    },
    sign_in::{
        attempts::Origin,
        totp::{SecondFactor, base32},
    },
    state::Management,
};

/// Lifetime of an invitation's link.
pub const INVITATION: TimeDelta = TimeDelta::hours(72);
/// Lifetime of any link after its first use.
pub const FIRST_USE: TimeDelta = TimeDelta::minutes(15);

/// The options of a one-time link.
#[derive(Clone, Copy)]
pub struct EnrolmentOrder {
    /// Its lifetime.
    pub life: TimeDelta,
    /// Whether a new authenticator replaces the existing one: only for a person whose identity the WMDA team has
    /// verified by other means.
    pub replaces_totp: bool,
    /// The kind of mail that carries it; `None` shows the link instead.
    pub mail: Option<MailKind>,
}

impl EnrolmentOrder {
    /// A link that is shown, and keeps an existing authenticator.
    pub const SHOWN: Self = Self {
        life: INVITATION,
        replaces_totp: false,
        mail: None,
    };
}

/// A one-time link.
#[derive(Serialize, ToSchema)]
pub struct EnrolmentLink {
    /// Hand it to the person and to nobody else; null when it was sent by mail.
    pub enrolment_url: Option<String>,
    /// The address that it was sent to, when it was asked for.
    pub mailed_to: Option<String>,
    /// Until when it works.
    pub enrolment_expires_at: DateTime<Utc>,
}

/// Which link is asked about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpEnrolment {
    /// What stands behind `#token=` in the link.
    pub token: String,
}

/// What a one-time link is for.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentPurpose {
    /// The first password of a person.
    Enrol,
    /// A new password.
    Reset,
}

/// A link that is good.
#[derive(Serialize, ToSchema)]
pub struct EnrolmentView {
    /// Whose it is.
    pub email: String,
    /// As the person is called.
    pub display_name: String,
    /// What it is for.
    pub purpose: EnrolmentPurpose,
}

/// The first step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginEnrolment {
    /// What stands behind `#token=` in the link.
    pub token: String,
    /// 8 to 256 characters of any kind.
    #[schema(min_length = 8, max_length = 256)]
    pub password: String,
}

/// What to put into the authenticator.
#[derive(Serialize, ToSchema)]
pub struct AuthenticatorView {
    /// Whose it is.
    pub email: String,
    /// Base32; null when the person keeps the authenticator that they have.
    pub totp_secret: Option<String>,
    /// The same as a URI.
    pub otpauth_uri: Option<String>,
    /// The URI as a QR code: rows of modules, `1` is dark; without the quiet zone of four modules around it.
    pub qr_code: Option<Vec<String>>,
}

impl AuthenticatorView {
    pub(crate) fn of(email: String, authenticator: &TOTP) -> Result<Self, Problem> {
        Ok(Self {
            email,
            totp_secret: Some(base32(&authenticator.secret)),
            qr_code: Some(qr_code(&authenticator.get_url())?),
            otpauth_uri: Some(authenticator.get_url()),
        })
    }
}

/// The second step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmEnrolment {
    /// The same token.
    pub token: String,
    /// Six digits of the authenticator.
    #[serde(default)]
    pub totp: Option<String>,
    /// Instead of `totp`, when an authenticator is kept.
    #[serde(default)]
    pub recovery_code: Option<String>,
}

/// The codes that stand in for a lost authenticator.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each works once; shown this once. Empty when the old ones stay.
    pub recovery_codes: Vec<String>,
}

impl Management {
    /// Opens an enrolment, replacing the person's earlier one, and lifts a lock-out of the account.
    pub async fn open_enrolment(
        &self,
        allowed: &Allowed,
        (user_id, email): (Uuid, &str),
        order: EnrolmentOrder,
    ) -> Result<EnrolmentLink, Problem> {
        let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>(&*self.random)?);
        let expires_at = self.now() + order.life;
        let url = format!(
            "{}/manage-api-credentials#token={token}",
            self.settings.public_url
        );
        let mail = match order.mail {
            Some(kind) => Some(self.sealed_notice((self.uuid()?, email), kind, &url)?),
            None => None,
        };
        let is_mailed = mail.is_some();
        let account = self.account_digest(email);
        let new = NewEnrolment {
            user_id,
            digest: self.pepper.tag("enrolment", token.as_bytes()),
            expires_at,
            replaces_totp: order.replaces_totp,
            account,
            mail,
        };
        let action = match order.replaces_totp {
            true => AuditAction::UserResetAuthenticator,
            false => AuditAction::UserOpenEnrolment,
        };
        let entry = self.done(allowed, action, format!("user/{user_id}"));
        let outcome = self.store.open_enrolment(new, entry).await;
        outcome.map_err(named_in_body("user"))?;
        self.refusals.lift(&account);
        Ok(EnrolmentLink {
            enrolment_url: (!is_mailed).then_some(url),
            mailed_to: is_mailed.then(|| email.to_owned()),
            enrolment_expires_at: expires_at,
        })
    }

    /// Checks a link before a password is chosen for it. A valid link costs no attempt.
    pub(crate) async fn look_up_enrolment(
        &self,
        from: &Origin,
        asked: LookUpEnrolment,
    ) -> Result<EnrolmentView, Problem> {
        let _turn = self.turns.take(from.source).await?;
        let (open, _) = self.open(from, &asked.token).await?;
        let own = self.link_counter(&self.pepper.tag("enrolment", asked.token.as_bytes()));
        self.store.forgive_attempt(vec![own]).await?;
        Ok(EnrolmentView {
            email: open.user.email,
            display_name: open.user.display_name,
            purpose: match open.has_password {
                true => EnrolmentPurpose::Reset,
                false => EnrolmentPurpose::Enrol,
            },
        })
    }

    /// Stores the password and returns the authenticator's secret.
    pub(crate) async fn begin_enrolment(
        &self,
        from: &Origin,
        step: BeginEnrolment,
    ) -> Result<AuthenticatorView, Problem> {
        let _turn = self.turns.take(from.source).await?;
        let (open, digest) = self.open(from, &step.token).await?;
        self.check_new_password(&step.password, &open.user).await?;
        let hash = self.hash_password(step.password).await?;
        let expires_at = self.now() + FIRST_USE;
        let email = open.user.email.clone();
        if open.keeps_totp {
            self.store
                .prepare_enrolment(digest, hash, None, expires_at)
                .await?;
            return Ok(AuthenticatorView {
                email,
                totp_secret: None,
                otpauth_uri: None,
                qr_code: None,
            });
        }
        let (authenticator, sealed) = self.new_authenticator(open.user.id, &email)?;
        self.store
            .prepare_enrolment(digest, hash, Some(sealed), expires_at)
            .await?;
        AuthenticatorView::of(email, &authenticator)
    }

    /// Verifies a code, activates password and authenticator, and ends the person's sessions.
    pub(crate) async fn confirm_enrolment(
        &self,
        from: &Origin,
        step: ConfirmEnrolment,
    ) -> Result<RecoveryCodes, Problem> {
        let factor = SecondFactor::read(step.totp, step.recovery_code)?;
        let _turn = self.turns.take(from.source).await?;
        let (open, digest) = self.open(from, &step.token).await?;
        let first = || Problem::Conflict("send the password to /api/v1/enrolment first".to_owned());
        let (Some(password_hash), Some(sealed)) = (open.password_hash, open.totp_secret) else {
            return Err(first());
        };
        let user = open.user;
        if !self
            .second_factor_matches((user.id, &user.email), &sealed, factor)
            .await?
        {
            return Err(Problem::Invalid(
                "the code is wrong, or was used before: send the next one".to_owned(),
            ));
        }
        let (codes, digests) = self.new_recovery_codes(user.id)?;
        let (authenticator, recovery_codes) = match open.keeps_totp {
            true => (None, Vec::new()),
            false => (Some((sealed, digests)), codes),
        };
        let who = (user.email.as_str(), from.source.0.to_string());
        let done = CompletedEnrolment {
            user_id: user.id,
            digest,
            password_hash,
            authenticator,
        };
        let object = format!("user/{}", user.id);
        let outcome = domain::audit::Outcome::Done;
        let entry = self.entry((who.0, &who.1), AuditAction::UserEnrol, object, outcome);
        self.store.complete_enrolment(done, entry).await?;
        Ok(RecoveryCodes { recovery_codes })
    }

    /// Enrols a sample person without the link's two steps; returns the TOTP secret.
    pub async fn enrol_sample(
        &self,
        allowed: &Allowed,
        (user_id, email): (Uuid, &str),
        password: String,
    ) -> Result<String, Problem> {
        let order = EnrolmentOrder {
            replaces_totp: true,
            ..EnrolmentOrder::SHOWN
        };
        let link = self.open_enrolment(allowed, (user_id, email), order).await?;
        let url = link.enrolment_url.unwrap_or_default();
        let token = url.split_once("#token=").map_or("", |parts| parts.1);
        let digest = self.pepper.tag("enrolment", token.as_bytes());
        let password_hash = self.hash_password(password).await?;
        let (authenticator, sealed) = self.new_authenticator(user_id, email)?;
        let authenticator_and_codes = Some((sealed, Vec::new()));
        let done = CompletedEnrolment {
            user_id,
            digest,
            password_hash,
            authenticator: authenticator_and_codes,
        };
        let entry = self.done(allowed, AuditAction::UserEnrol, format!("user/{user_id}"));
        self.store.complete_enrolment(done, entry).await?;
        Ok(base32(&authenticator.secret))
    }

    async fn open(&self, from: &Origin, token: &str) -> Result<(Enrolment, [u8; 32]), Problem> {
        let digests = self.pepper.tags("enrolment", token.as_bytes());
        let counted = self
            .count_link_attempt(&self.pepper.tag("enrolment", token.as_bytes()), from)
            .await?;
        let mut found = None;
        for digest in digests {
            let enrolment = self.store.enrolment(digest, self.now()).await?;
            found = found.or(enrolment.map(|enrolment| (enrolment, digest)));
        }
        let gone = || {
            Problem::Invalid(
                "this link is unknown, was used, or is too old: ask the WMDA team for a new one".to_owned(),
            )
        };
        let found = found.ok_or_else(gone)?;
        // A valid link is no guess: many people may enrol from one office.
        self.store.forgive_attempt(counted.shared).await?;
        Ok(found)
    }
}

/// The QR code as modules for the page to draw: the secret is in this one response, and the page's policy needs no
/// `data:`.
fn qr_code(uri: &str) -> Result<Vec<String>, Problem> {
    let code = qrcode::QrCode::new(uri).map_err(|error| Problem::Internal(error.to_string()))?;
    let width = code.width();
    let shown = |module: &qrcode::Color| module.select('1', '0');
    let modules = code.to_colors();
    Ok(modules
        .chunks(width)
        .map(|row| row.iter().map(shown).collect())
        .collect())
}

/// Tells whose a one-time link is and what it is for, as long as it works; a used one gets the same error as in the next step.
#[utoipa::path(tag = "Sign-in", security(()), request_body = LookUpEnrolment, responses((status = 200, body = EnrolmentView), Problems))]
#[post("/enrolment/lookup")]
pub(crate) async fn look_up(request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    ok(service(&request)?
        .look_up_enrolment(&Origin::read(&request), body.parse()?)
        .await)
}

/// Takes the token of a one-time link and a password; answers with what goes into the authenticator.
#[utoipa::path(tag = "Sign-in", security(()), request_body = BeginEnrolment, responses((status = 200, body = AuthenticatorView), Problems))]
#[post("/enrolment")]
pub(crate) async fn begin(request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    ok(service(&request)?
        .begin_enrolment(&Origin::read(&request), body.parse()?)
        .await)
}

/// Takes a code of the authenticator and ends the enrolment; answers with the recovery codes, this once.
#[utoipa::path(tag = "Sign-in", security(()), request_body = ConfirmEnrolment, responses((status = 201, body = RecoveryCodes), Problems))]
#[post("/enrolment/confirm")]
pub(crate) async fn confirm(request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    let codes = service(&request)?
        .confirm_enrolment(&Origin::read(&request), body.parse()?)
        .await?;
    Ok(created("/api/v1/session", &codes))
}
