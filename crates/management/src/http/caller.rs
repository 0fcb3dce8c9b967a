//! Authentication of requests: a session token as bearer, or in the page's cookie. A cookie alone does not authorize
//! changes (CSRF).

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::Method, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{audit::Source, digest::Digest, policy::Permission};
use store::sessions::Session;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{authorization::Allowed, http::problem::Problem, state::Management};

/// The page's session cookie: `__Host-`, `Secure`, `HttpOnly`.
pub(crate) const COOKIE: &str = "__Host-wmda-session";
const CSRF_HEADER: &str = "x-csrf-token";
/// Marks a background request of the page, which does not count as the person's activity.
const BACKGROUND_HEADER: &str = "x-background";

/// An authenticated caller with a live session, protected against CSRF.
pub(crate) struct Caller {
    pub(crate) service: web::Data<Management>,
    pub(crate) session: Session,
    pub(crate) digest: Digest,
    pub(crate) source: Source,
    /// The CSRF token that the page must send with changes; only for sessions in a cookie.
    pub(crate) csrf_token: Option<String>,
}

impl Caller {
    /// Asks for an authorization decision.
    pub(crate) async fn may(&self, permission: Permission) -> Result<Allowed, Problem> {
        self.decide(permission, None).await
    }

    /// Asks for an authorization decision about an application.
    pub(crate) async fn may_with(&self, permission: Permission, client_id: Uuid) -> Result<Allowed, Problem> {
        self.decide(permission, Some(client_id)).await
    }

    async fn decide(&self, permission: Permission, client_id: Option<Uuid>) -> Result<Allowed, Problem> {
        let who = (self.session.principal.clone(), self.source);
        self.service.authorize(who, permission, client_id).await
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

async fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let service = service(request)?;
    let (token, by_cookie) = match bearer(request)? {
        Some(token) => (token, false),
        None => (cookie(request)?, true),
    };
    let csrf_token = by_cookie.then(|| service.csrf_token(&token));
    if by_cookie {
        refuse_foreign(request, &service, &service.csrf_tokens(&token))?;
    }
    let counts = !request.headers().contains_key(BACKGROUND_HEADER);
    let (session, digest) = service.live_session(&token, counts).await?;
    if !request.method().is_safe() {
        service.change_limiter.admit(&session.principal)?;
    }
    Ok(Caller {
        session,
        digest,
        source: source(request),
        csrf_token,
        service,
    })
}

pub(crate) fn service(request: &HttpRequest) -> Result<web::Data<Management>, Problem> {
    let service = request.app_data::<web::Data<Management>>().cloned();
    service.ok_or_else(|| Problem::Internal("the management service is not wired".to_owned()))
}

/// The source address, as determined by the outermost middleware.
pub(crate) fn source(request: &HttpRequest) -> Source {
    let known = request.extensions().get::<Source>().copied();
    known.unwrap_or(Source(std::net::Ipv4Addr::UNSPECIFIED.into()))
}

fn bearer(request: &HttpRequest) -> Result<Option<Zeroizing<String>>, Problem> {
    let mut headers = request.headers().get_all("authorization");
    let (Some(header), None) = (headers.next(), headers.next()) else {
        return match request.headers().contains_key("authorization") {
            true => Err(Problem::Unauthenticated),
            false => Ok(None),
        };
    };
    let text = header.to_str().map_err(|_| Problem::Unauthenticated)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Zeroizing::new(token.trim().to_owned())))
        }
        _ => Err(Problem::Unauthenticated),
    }
}

fn cookie(request: &HttpRequest) -> Result<Zeroizing<String>, Problem> {
    let cookie = request.cookie(COOKIE).ok_or(Problem::Unauthenticated)?;
    Ok(Zeroizing::new(cookie.value().to_owned()))
}

/// CSRF protection: a change in a cookie's session must come from the page itself.
fn refuse_foreign(request: &HttpRequest, service: &Management, expected: &[String]) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    refuse_other_sites(request, service)?;
    let sent = request.headers().get(CSRF_HEADER).map(|value| value.as_bytes());
    let tag = |text: &[u8]| service.pepper.tag("compare", text);
    let sent = sent.map(tag);
    let is_it = |found, one: &String| found | (sent == Some(tag(one.as_bytes())));
    if expected.iter().fold(false, is_it) {
        Ok(())
    } else {
        Err(Problem::Forbidden(
            "send the csrf_token of GET /api/v1/session as X-CSRF-Token",
        ))
    }
}

/// Refuses a request that the browser's `Origin` or `Sec-Fetch-Site` attributes to another site.
pub(crate) fn refuse_other_sites(request: &HttpRequest, service: &Management) -> Result<(), Problem> {
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let foreign_site = header("sec-fetch-site").is_some_and(|site| site != b"same-origin" && site != b"none");
    let foreign_origin =
        header("origin").is_some_and(|origin| origin != service.settings.public_url.as_bytes());
    if foreign_site || foreign_origin {
        return Err(Problem::Forbidden("this request comes from another site"));
    }
    Ok(())
}

impl Management {
    pub(crate) fn session_digest(&self, token: &str) -> Digest {
        self.pepper.tag("session", token.as_bytes())
    }

    /// The live session of a token and its digest, whichever pepper version was active when it was opened.
    async fn live_session(&self, token: &str, counts: bool) -> Result<(Session, Digest), Problem> {
        for digest in self.pepper.tags("session", token.as_bytes()) {
            if let Some(session) = self.store.session(digest, counts, self.now()).await? {
                return Ok((session, digest));
            }
        }
        Err(Problem::Unauthenticated)
    }

    pub(crate) fn csrf_token(&self, token: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pepper.tag("csrf", token.as_bytes()))
    }

    fn csrf_tokens(&self, token: &str) -> Vec<String> {
        let tags = self.pepper.tags("csrf", token.as_bytes()).into_iter();
        tags.map(|tag| URL_SAFE_NO_PAD.encode(tag)).collect()
    }
}
