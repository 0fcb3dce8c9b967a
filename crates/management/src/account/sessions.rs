//! One's own sessions: listing and ending them.

use actix_web::{HttpResponse, delete, get, web};
use chrono::{DateTime, Utc};
use domain::{audit_action::AuditAction, digest::Digest, policy::Permission};
use serde::Serialize;
use store::accounts::OwnSession;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    documentation::openapi::Problems,
    http::{answer::ok, body::id, caller::Caller, cursor::List, problem::Problem},
    state::Management,
};

/// One of the caller's sessions.
#[derive(Serialize, ToSchema)]
pub struct OwnSessionView {
    /// Names it, and proves nothing.
    pub id: Uuid,
    /// When somebody signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to half a minute.
    pub last_seen_at: DateTime<Utc>,
    /// The address that was signed in from.
    pub source: Option<String>,
    /// The browser or program, as it calls itself.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Management {
    fn session_id(&self, digest: &Digest) -> Uuid {
        let tag = self.pepper.tag("session id", digest);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl Caller {
    async fn own_sessions(&self) -> Result<Vec<OwnSession>, Problem> {
        let (service, user_id) = (&self.service, self.session.user.id);
        Ok(service.store.sessions_of(user_id, service.now()).await?)
    }

    async fn end(&self, which: Vec<Digest>) -> Result<HttpResponse, Problem> {
        let allowed = self.may(Permission::UseSession).await?;
        let user_id = allowed.principal.user_id;
        let entry = self.service.done(
            &allowed,
            AuditAction::AccountEndSessions,
            format!("user/{user_id}"),
        );
        self.service.store.end_sessions(user_id, which, entry).await?;
        Ok(HttpResponse::NoContent().finish())
    }
}

/// Lists the caller's sessions, the last used first.
#[utoipa::path(tag = "Account", responses((status = 200, body = List<OwnSessionView>), Problems))]
#[get("/account/sessions")]
pub(crate) async fn list(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.may(Permission::UseSession).await?;
    let sessions = caller.own_sessions().await?.into_iter();
    let items = sessions.map(|one| OwnSessionView {
        id: caller.service.session_id(&one.digest),
        created_at: one.created_at,
        last_seen_at: one.last_seen_at,
        source: one.source,
        user_agent: one.user_agent,
        current: one.digest == caller.digest,
    });
    ok(Ok(List {
        items: items.collect(),
        next: None,
    }))
}

/// Ends all of the caller's sessions but this one.
#[utoipa::path(tag = "Account", responses((status = 204), Problems))]
#[delete("/account/sessions")]
pub(crate) async fn end_others(caller: Caller) -> Result<HttpResponse, Problem> {
    let sessions = caller.own_sessions().await?.into_iter().map(|one| one.digest);
    let others = sessions.filter(|digest| *digest != caller.digest).collect();
    caller.end(others).await
}

/// Ends one of the caller's sessions.
#[utoipa::path(tag = "Account", params(("id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/account/sessions/{id}")]
pub(crate) async fn end_one(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let wanted = id(&path)?;
    let sessions = caller.own_sessions().await?.into_iter().map(|one| one.digest);
    let mut found = sessions.filter(|digest| caller.service.session_id(digest) == wanted);
    let found = found.next().ok_or(Problem::NotFound)?;
    caller.end(vec![found]).await
}
