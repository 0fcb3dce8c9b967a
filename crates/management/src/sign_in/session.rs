//! Sessions: sign-in with e-mail, password and a second factor; the same answer and the same work whatever is wrong.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    delete, get, post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{
    audit::{Outcome, Source},
    pepper::Digest,
    policy::Permission,
    random,
    user::{User, parse_email},
};
use serde::{Deserialize, Serialize};
use store::sessions::IDLE;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    collections::users::UserView,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::Body,
        caller::{COOKIE, Caller, refuse_other_sites, service, source},
        problem::Problem,
    },
    sign_in::totp::SecondFactor,
    state::Management,
};

/// Failures per source in 15 minutes, of all accounts together.
const SOURCE_FAILURES: i64 = 100;

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

/// Somebody who has proved who they are.
pub(crate) struct Proven {
    pub(crate) user: User,
    /// How, for the audit trail.
    pub(crate) action: &'static str,
    /// The account's and the source's attempts that are forgiven.
    pub(crate) counted: (Option<Digest>, Digest),
}

/// A session that was just opened.
pub(crate) struct Opened {
    pub(crate) token: String,
    pub(crate) view: SessionView,
}

impl Management {
    pub(crate) async fn sign_in(&self, from: Source, proof: SignIn) -> Result<Opened, Problem> {
        let factor = SecondFactor::read(proof.totp, proof.recovery_code)?;
        // What is no address is nobody's, and is counted as one.
        let email = parse_email(&proof.email).unwrap_or_default();
        let counted = self.count_attempts(&email, from).await?;
        let record = self.store.sign_in_record(email).await?;
        let hash = record.as_ref().and_then(|known| known.password_hash.clone());
        let right_password = self.password_matches(proof.password, hash).await?;
        if !right_password {
            self.spend_as_much(&factor).await?;
        }
        if let Some(known) = record {
            let user = known.user;
            if let (true, true, Some(sealed)) = (right_password, user.enabled, known.totp_secret)
                && self
                    .second_factor_matches((user.id, &user.email), &sealed, factor)
                    .await?
            {
                let proven = Proven {
                    user,
                    action: "session.create",
                    counted: (Some(counted.0), counted.1),
                };
                return self.open_session(proven, from).await;
            }
            let object = format!("user/{}", user.id);
            let who = (user.email.as_str(), from.0.to_string());
            let entry = self.entry((who.0, &who.1), "session.create", object, Outcome::Denied);
            self.store.record(entry).await?;
        } else {
            // What was sent as an address may be a password in the wrong field: it is not written down.
            let place = from.0.to_string();
            let entry = self.entry(("unknown", &place), "session.create", "-", Outcome::Denied);
            self.store.record(entry).await?;
        }
        Err(Problem::SignInFailed)
    }

    pub(crate) async fn open_session(&self, proven: Proven, from: Source) -> Result<Opened, Problem> {
        let user = proven.user;
        let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>(&*self.random)?);
        let place = from.0.to_string();
        let entry = self.entry(
            (&user.email, &place),
            proven.action,
            format!("user/{}", user.id),
            Outcome::Done,
        );
        let digest = self.session_digest(&token);
        self.store
            .open_session(user.id, digest, proven.counted, entry)
            .await?;
        let opened = self
            .store
            .session(digest, true, self.now())
            .await?
            .ok_or(Problem::SignInFailed)?;
        let view = SessionView {
            token: None,
            csrf_token: None,
            expires_at: opened.expires_at.min(self.now() + IDLE),
            user: user.into(),
            manages: opened.principal.manages,
        };
        Ok(Opened { token, view })
    }

    /// Counts before anything is checked: the attempts of an account and of a source. Too many of either wait for the
    /// end of a window of 15 minutes.
    pub(crate) async fn count_attempts(
        &self,
        account: &str,
        from: Source,
    ) -> Result<(Digest, Digest), Problem> {
        let source = self.count_source(from).await?;
        let account = self.pepper.tag("sign-in account", account.as_bytes());
        self.count(account, self.settings.login_failures).await?;
        Ok((account, source))
    }

    /// Counts an attempt of a source alone.
    pub(crate) async fn count_source(&self, from: Source) -> Result<Digest, Problem> {
        let source = self.pepper.tag("sign-in source", from.0.to_string().as_bytes());
        self.count(source, SOURCE_FAILURES).await?;
        Ok(source)
    }

    async fn count(&self, subject: Digest, limit: i64) -> Result<(), Problem> {
        let now = self.now();
        let (attempts, until) = self.store.count_attempt(subject, now).await?;
        if attempts > limit {
            let wait = (until - now).num_seconds().max(0).unsigned_abs() + 1;
            return Err(Problem::TooManyAttempts(wait));
        }
        Ok(())
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
    let Opened { token, mut view } = service.sign_in(source(&request), proof).await?;
    if !by_cookie {
        view.token = Some(token);
        return Ok(created("/api/v1/session", &view));
    }
    view.csrf_token = Some(service.csrf_token(&token));
    let mut answer = created("/api/v1/session", &view);
    add_cookie(&mut answer, &session_cookie(token))?;
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
        user: caller.session.user.into(),
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
        "session.delete",
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
