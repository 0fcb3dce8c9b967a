//! Binding an identity of the OpenID provider to one's own account (P-04).

use actix_web::{HttpRequest, HttpResponse, post};
use domain::policy::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use super::factors::Reauthentication;
use crate::{
    documentation::openapi::Problems,
    http::{body::Body, caller::Caller, problem::Problem},
    sign_in::{attempts::Origin, session::add_cookie},
};

/// Where the browser proves the identity.
#[derive(Serialize, ToSchema)]
pub struct IdentityBinding {
    /// Send the browser there within ten minutes; it comes back to the page with `#identity-bound`, or with
    /// `#sign-in-failed=` and why.
    pub authorization_url: String,
}

/// Begins to bind an identity of the OpenID provider to the caller's account: the same browser proves it there. The
/// person is told by mail.
#[utoipa::path(tag = "Account", request_body = Reauthentication, responses((status = 200, body = IdentityBinding), Problems))]
#[post("/account/identity")]
pub(crate) async fn bind(caller: Caller, request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let (service, user_id) = (&caller.service, caller.session.user.id);
    let provider = service.provider.as_ref().ok_or(Problem::NotFound)?;
    let factors: Reauthentication = body.parse()?;
    caller
        .reauthenticate(&Origin::read(&request), factors.into())
        .await?;
    let begun = service.begin_openid(provider, Some(user_id)).await;
    let (authorization_url, cookie) =
        begun.map_err(|refusal| Problem::Unavailable(format!("{refusal:?}")))?;
    let mut answer = HttpResponse::Ok().json(IdentityBinding { authorization_url });
    add_cookie(&mut answer, &cookie)?;
    Ok(answer)
}
