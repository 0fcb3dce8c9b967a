//! Mail preferences: set by the person, or by a mail's unsubscribe link (RFC 8058). Urgent mail can't be turned off.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::{audit::Outcome, audit_action::AuditAction, policy::Permission, unsubscribe};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::Body,
        caller::{Caller, service, source},
        problem::Problem,
    },
    state::Management,
};

/// Which reminders a person gets.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reminders {
    /// Also reminders more than a week before the expiry, as one digest a day.
    All,
    /// Only reminders a week or less before the expiry, and after it.
    Urgent,
}

/// What mail a person wants.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// `all`, or `urgent` only.
    pub reminders: Reminders,
}

impl Management {
    pub(crate) async fn preferences(&self, user_id: Uuid) -> Result<Preferences, Problem> {
        let reminders = match self.store.urgent_mail_only(user_id).await? {
            true => Reminders::Urgent,
            false => Reminders::All,
        };
        Ok(Preferences { reminders })
    }

    pub(crate) async fn set_preferences(
        &self,
        user_id: Uuid,
        wanted: Preferences,
        who: (&str, &str),
    ) -> Result<Preferences, Problem> {
        let urgent_only = matches!(wanted.reminders, Reminders::Urgent);
        let object = format!("user/{user_id}");
        let entry = self.entry(who, AuditAction::PreferencesChange, object, Outcome::Done);
        self.store
            .set_urgent_mail_only(user_id, urgent_only, entry)
            .await?;
        Ok(wanted)
    }

    /// The person of an unsubscribe link.
    async fn unsubscribing(&self, token: &str) -> Result<(Uuid, String), Problem> {
        let user_id = unsubscribe::read(&self.pepper, token).ok_or(Problem::NotFound)?;
        let user = self.store.user(user_id).await?.ok_or(Problem::NotFound)?;
        Ok((user_id, user.email))
    }
}

/// Shows what mail the caller wants.
#[utoipa::path(tag = "Sign-in", responses((status = 200, body = Preferences), Problems))]
#[get("/session/preferences")]
pub(crate) async fn show(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    ok(caller.service.preferences(allowed.principal.user_id).await)
}

/// Changes what mail the caller wants. Urgent mail can't be turned off.
#[utoipa::path(tag = "Sign-in", request_body = Preferences, responses((status = 200, body = Preferences), Problems))]
#[patch("/session/preferences")]
pub(crate) async fn change(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::UseSession).await?;
    let who = (allowed.actor.as_str(), allowed.source.as_str());
    ok(caller
        .service
        .set_preferences(allowed.principal.user_id, body.parse()?, who)
        .await)
}

/// The page behind a mail's link: it asks, and changes nothing by itself, because mail scanners follow links.
#[utoipa::path(tag = "Sign-in", security(()), params(("token" = String, Path)), responses((status = 200, content_type = "text/html"), Problems))]
#[get("/unsubscribe/{token}")]
pub(crate) async fn ask(request: HttpRequest, token: web::Path<String>) -> Result<HttpResponse, Problem> {
    service(&request)?.unsubscribing(&token).await?;
    Ok(html(
        "<p>From now on you will get only urgent mails about client secrets: those that leave a week or less.</p>\
         <form method=\"post\"><button>Only urgent mails</button></form>",
    ))
}

/// Turns the mail of the link's owner down to what is urgent. Mail programs send this by one click (RFC 8058).
#[utoipa::path(tag = "Sign-in", security(()), params(("token" = String, Path)), responses((status = 200, content_type = "text/html"), Problems))]
#[post("/unsubscribe/{token}")]
pub(crate) async fn turn_down(
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let service = service(&request)?;
    let (user_id, email) = service.unsubscribing(&token).await?;
    let wanted = Preferences {
        reminders: Reminders::Urgent,
    };
    let place = source(&request).0.to_string();
    let done = "<p>Done: you get only urgent mails about client secrets from now on. Manage API Credentials turns it back.</p>";
    // Using a link repeatedly leaves one audit event.
    if service.store.urgent_mail_only(user_id).await? {
        return Ok(html(done));
    }
    service.set_preferences(user_id, wanted, (&email, &place)).await?;
    Ok(html(done))
}

fn html(matter: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Reminders</title></head><body><h1>Reminders</h1>{matter}\
         </body></html>"
    ))
}
