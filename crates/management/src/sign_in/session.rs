//! Sessions: sign-in with e-mail, password and a second factor; the same response and the same work whichever is
//! wrong.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    delete, get, post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{
    audit::Outcome,
    audit_action::AuditAction,
    policy::Permission,
    random,
    user::{User, parse_email},
};
use serde::{Deserialize, Serialize};
use store::{
    StoreError,
    sessions::{IDLE, NewSession},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    collections::users::UserView,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::Body,
        caller::{COOKIE, Caller, refuse_other_sites, service},
        problem::Problem,
    },
    sign_in::{
        attempts::{CountedIn, Origin},
        totp::SecondFactor,
    },
    state::Management,
};

/// What proves who somebody is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// In any case.
    pub email: String,
    /// The password.
    pub password: String,
    /// Six digits of the authenticator.
    #[serde(default)]
    pub totp: Option<String>,
    /// Instead of `totp`: one of the codes that were shown at enrolment.
    #[serde(default)]
    pub recovery_code: Option<String>,
    /// `true`: the session comes as a cookie, for a page; the answer then holds no token.
    #[serde(default)]
    pub cookie: bool,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// Send it as `Authorization: Bearer`; only in the answer that opens the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Send it as `X-CSRF-Token` with every change; only where the session is a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
    /// When it ends if nothing more is asked: an hour after the last request, twelve hours after sign-in.
    pub expires_at: DateTime<Utc>,
    /// Whose it is.
    pub user: UserView,
    /// The client ids of the applications that this person manages.
    pub manages: Vec<Uuid>,
}

/// A person who has authenticated.
pub(crate) struct Proven {
    pub(crate) user: User,
    /// How, for the audit trail.
    pub(crate) action: AuditAction,
    /// The attempts to take back.
    pub(crate) counted: CountedIn,
}

/// A session just opened.
pub(crate) struct Opened {
    pub(crate) token: String,
    pub(crate) view: SessionView,
}

impl Management {
    pub(crate) async fn sign_in(&self, from: &Origin, proof: SignIn) -> Result<Opened, Problem> {
        let factor = SecondFactor::read(proof.totp, proof.recovery_code)?;
        // An invalid address belongs to no account, and is counted like an unknown one.
        let email = parse_email(&proof.email).unwrap_or_default();
        let _turn = self.turns.take(from.source).await?;
        let counted = self.count_attempt(&email, from).await?;
        let record = self.store.sign_in_record(email).await?;
        let hash = record.as_ref().and_then(|known| known.password_hash.clone());
        let right_password = self.password_matches(proof.password, hash).await?;
        if !right_password {
            self.spend_as_much(&factor).await?;
        }
        let Some(known) = record else {
            // The submitted address may be a password in the wrong field, so it is not logged.
            let place = from.source.0.to_string();
            let entry = self.entry(
                ("unknown", &place),
                AuditAction::SessionCreate,
                "-",
                Outcome::Denied,
            );
            self.store.record(entry).await?;
            return Err(Problem::SignInFailed);
        };
        let user = known.user;
        if let (true, true, Some(sealed)) = (right_password, user.enabled, known.totp_secret)
            && self
                .second_factor_matches((user.id, &user.email), &sealed, factor)
                .await?
        {
            let proven = Proven {
                user,
                action: AuditAction::SessionCreate,
                counted,
            };
            return self.open_session(proven, from).await;
        }
        self.record_failure((&user, AuditAction::SessionCreate), &counted, from)
            .await?;
        Err(Problem::SignInFailed)
    }

    /// Audits a failed attempt; if it was the last one allowed, notifies the person and the WMDA team.
    pub(crate) async fn record_failure(
        &self,
        (user, action): (&User, AuditAction),
        counted: &CountedIn,
        from: &Origin,
    ) -> Result<(), Problem> {
        let place = from.source.0.to_string();
        let object = format!("user/{}", user.id);
        let entry = self.entry((&user.email, &place), action, object, Outcome::Denied);
        let notices = match counted.last {
            true => self.blocked_notices(&user.email)?,
            false => Vec::new(),
        };
        Ok(self.store.record_with_notices(entry, notices).await?)
    }

    pub(crate) async fn open_session(&self, proven: Proven, from: &Origin) -> Result<Opened, Problem> {
        let user = proven.user;
        let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>(&*self.random)?);
        let place = from.source.0.to_string();
        let object = format!("user/{}", user.id);
        let entry = self.entry((&user.email, &place), proven.action, object, Outcome::Done);
        let digest = self.session_digest(&token);
        let counted = proven.counted;
        let new = NewSession {
            user_id: user.id,
            digest,
            user_agent: from.user_agent.clone(),
            own: counted.own,
            shared: counted.shared.clone(),
        };
        match self.store.open_session(new, entry).await {
            Err(StoreError::Forbidden(_)) => {
                self.record_failure((&user, proven.action), &counted, from)
                    .await?;
                return Err(Problem::SignInFailed);
            }
            outcome => outcome?,
        }
        let opened = self.store.session(digest, true, self.now()).await?;
        let opened = opened.ok_or(Problem::SignInFailed)?;
        let view = SessionView {
            token: None,
            csrf_token: None,
            expires_at: opened.expires_at.min(self.now() + IDLE),
            user: UserView::of(user, true),
            manages: opened.principal.manages,
        };
        Ok(Opened { token, view })
    }
}

/// Opens a session with e-mail, password and a code of the authenticator (each code works once).
#[utoipa::path(tag = "Sign-in", security(()), request_body = SignIn, responses((status = 201, body = SessionView), Problems))]
#[post("/session")]
pub(crate) async fn create(request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    let service = service(&request)?;
    let proof: SignIn = body.parse()?;
    let by_cookie = proof.cookie;
    if by_cookie {
        refuse_other_sites(&request, &service)?;
    }
    let Opened { token, mut view } = service.sign_in(&Origin::read(&request), proof).await?;
    if !by_cookie {
        view.token = Some(token);
        return Ok(created("/api/v1/session", &view));
    }
    view.csrf_token = Some(service.csrf_token(&token));
    let mut answer = created("/api/v1/session", &view);
    add_cookie(&mut answer, &session_cookie(token))?;
    add_cookie(&mut answer, &service.device_cookie(&view.user.email)?)?;
    Ok(answer)
}

/// Shows the caller's session.
#[utoipa::path(tag = "Sign-in", responses((status = 200, body = SessionView), Problems))]
#[get("/session")]
pub(crate) async fn show(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    ok(Ok(SessionView {
        token: None,
        csrf_token: caller.csrf_token,
        expires_at: caller.session.expires_at,
        user: UserView::of(caller.session.user, true),
        manages: caller.session.principal.manages,
    }))
}

/// Ends the caller's session.
#[utoipa::path(tag = "Sign-in", responses((status = 204), Problems))]
#[delete("/session")]
pub(crate) async fn remove(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    let entry = caller.service.done(
        &allowed,
        AuditAction::SessionDelete,
        format!("user/{}", allowed.principal.user_id),
    );
    caller.service.store.close_session(caller.digest, entry).await?;
    let mut answer = HttpResponse::NoContent().finish();
    let mut gone = session_cookie(String::new());
    gone.make_removal();
    add_cookie(&mut answer, &gone)?;
    Ok(answer)
}

pub(crate) fn session_cookie(token: String) -> Cookie<'static> {
    Cookie::build(COOKIE, token)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .finish()
}

pub(crate) fn add_cookie(answer: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<(), Problem> {
    answer
        .add_cookie(cookie)
        .map_err(|error| Problem::Internal(error.to_string()))
}
