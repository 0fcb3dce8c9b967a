//! The account's overview, and its mail settings.

use actix_web::{HttpResponse, get, patch};
use domain::policy::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    collections::users::UserView,
    documentation::openapi::Problems,
    http::{answer::ok, body::Body, caller::Caller, problem::Problem},
    sign_in::preferences::{Preferences, Reminders},
};

/// A person's own account.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    /// Whose it is.
    pub user: UserView,
    /// Whether there is a password; without one, people sign in through the OpenID provider only.
    pub has_password: bool,
    /// Whether there is an authenticator.
    pub has_authenticator: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
    /// The issuer of the external identity that may sign in to this account.
    pub identity_issuer: Option<String>,
    /// `all` reminders, or `urgent` ones only.
    pub reminders: Reminders,
}

/// A change of mail settings; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedAccount {
    /// `all`, or `urgent` only. Urgent mail can't be turned off.
    #[serde(default)]
    pub reminders: Option<Reminders>,
}

/// Shows the caller's account.
#[utoipa::path(tag = "Account", responses((status = 200, body = AccountView), Problems))]
#[get("/account")]
pub(crate) async fn show(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    ok(view(&caller).await)
}

/// Changes which mail the caller wants.
#[utoipa::path(tag = "Account", request_body = ChangedAccount, responses((status = 200, body = AccountView), Problems))]
#[patch("/account")]
pub(crate) async fn change(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    let change: ChangedAccount = body.parse()?;
    let reminders = change
        .reminders
        .ok_or_else(|| Problem::Invalid("send reminders".to_owned()))?;
    let who = (allowed.actor.as_str(), allowed.source.as_str());
    let wanted = Preferences { reminders };
    caller
        .service
        .set_preferences(allowed.principal.user_id, wanted, who)
        .await?;
    ok(view(&caller).await)
}

async fn view(caller: &Caller) -> Result<AccountView, Problem> {
    let user = caller.session.user.clone();
    let account = caller.service.store.account(user.id).await?;
    let account = account.ok_or(Problem::Unauthenticated)?;
    Ok(AccountView {
        reminders: caller.service.preferences(user.id).await?.reminders,
        user: UserView::of(user, true),
        has_password: account.has_password,
        has_authenticator: account.has_authenticator,
        recovery_codes_left: account.recovery_codes,
        identity_issuer: account.identity_issuer,
    })
}
