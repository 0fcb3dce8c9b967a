//! The routes of sign-in through an OpenID provider. The browser navigates to them, so every outcome is a redirect.

use actix_web::{HttpRequest, HttpResponse, cookie::Cookie, get, http::StatusCode, web};
use domain::audit::FailureCause;
use serde::Serialize;
use utoipa::ToSchema;

use super::{admission::Admitted, attempt, provider::Callback, refusal::Refusal};
use crate::{
    documentation::openapi::Problems,
    http::{answer::ok, body::printable, caller::service, problem::Problem},
    sign_in::{
        attempts::Origin,
        session::{add_cookie, session_cookie},
    },
};

const START: &str = "/api/v1/session/openid";
const PAGE: &str = "/manage-api-credentials";

/// The ways to sign in.
#[derive(Serialize, ToSchema)]
pub struct SignInOptions {
    /// Beside e-mail and password, which always work; null when no provider is configured.
    openid: Option<OpenIdOption>,
}

/// An OpenID provider.
#[derive(Serialize, ToSchema)]
pub struct OpenIdOption {
    /// For the button.
    name: String,
    /// Where the browser begins.
    start_url: &'static str,
}

/// A redirect that must not be cached.
fn redirect(status: StatusCode, place: &str, cookies: &[Cookie<'_>]) -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::build(status)
        .insert_header(("Location", place))
        .finish();
    for cookie in cookies {
        add_cookie(&mut answer, cookie)?;
    }
    Ok(answer)
}

/// Redirects back to the page, with the reason.
fn back_to_page(refusal: &Refusal, cookies: &[Cookie<'_>]) -> Result<HttpResponse, Problem> {
    let place = format!("{PAGE}#sign-in-failed={}", refusal.code());
    let mut answer = redirect(StatusCode::SEE_OTHER, &place, cookies)?;
    if let Refusal::Failed(cause) = refusal {
        let cause = format!("sign-in through the OpenID provider: {}", printable(cause));
        answer.extensions_mut().insert(FailureCause(cause));
    }
    Ok(answer)
}

/// The ways to sign in beside e-mail and password.
#[utoipa::path(tag = "Sign-in", security(()), responses((status = 200, body = SignInOptions), Problems))]
#[get("/session/options")]
pub(crate) async fn options(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let service = service(&request)?;
    let openid = service.provider.as_ref().map(|provider| OpenIdOption {
        name: provider.settings.name.clone(),
        start_url: START,
    });
    ok(Ok(SignInOptions { openid }))
}

/// Sends the browser to the OpenID provider. It comes back to the callback; when the provider can't be reached, to the
/// page with `#sign-in-failed=failed`.
#[utoipa::path(tag = "Sign-in", security(()), responses((status = 302, description = "To the provider."), (status = 303, description = "Back to the page: the provider can't be reached."), Problems))]
#[get("/session/openid")]
pub(crate) async fn start(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let service = service(&request)?;
    let provider = service.provider.as_ref().ok_or(Problem::NotFound)?;
    match service.begin_openid(provider, None).await {
        Ok((url, cookie)) => redirect(StatusCode::FOUND, &url, &[cookie]),
        Err(refusal) => back_to_page(&refusal, &[]),
    }
}

/// Where the provider sends the browser back to: with a session as cookie to the page, or to the page with
/// `#sign-in-failed=` and `unknown_person`, `no_mfa`, `disabled`, `not_bound` (the person has enrolled: they sign in and bind the identity under
/// their account) or `failed`.
#[utoipa::path(tag = "Sign-in", security(()), responses((status = 303, description = "To the page."), Problems))]
#[get("/session/openid/callback")]
pub(crate) async fn finish(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let service = service(&request)?;
    let provider = service.provider.as_ref().ok_or(Problem::NotFound)?;
    let sealed = request
        .cookie(attempt::COOKIE)
        .map(|cookie| cookie.value().to_owned());
    // A malformed response, or one with repeated parameters, belongs to no attempt.
    let answer = web::Query::<Callback>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .unwrap_or_default();
    let mut ended = attempt::cookie(String::new());
    ended.make_removal();
    match service
        .finish_openid(provider, &Origin::read(&request), (sealed, answer))
        .await
    {
        Ok(Admitted::SignedIn(token)) => {
            redirect(StatusCode::SEE_OTHER, PAGE, &[session_cookie(token), ended])
        }
        Ok(Admitted::Bound) => {
            let place = format!("{PAGE}#identity-bound");
            redirect(StatusCode::SEE_OTHER, &place, &[ended])
        }
        Err(refusal) => back_to_page(&refusal, &[ended]),
    }
}
