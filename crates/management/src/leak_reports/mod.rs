//! Reports of leaked secrets. Anybody may report, and learns nothing: the response is the same for any report, and
//! sent before anything is looked up. The work is bounded, however many reports come.

pub(crate) mod queue;

use std::{net::IpAddr, time::Duration};

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use domain::{
    audit::Outcome, audit_action::AuditAction, organisation_policy::OnLeak, secret::hint_of,
    suspension::is_suspended,
};
use serde_json::json;
use store::{StoreError, client_secrets::LiveSecret, leaks};

use self::queue::Report;
use crate::{
    http::{caller, problem::Problem},
    state::Management,
};

/// The route.
const PATH: &str = "/credentials/report";
/// Limit of the body.
const LONGEST: usize = 16 * 1024;
/// Retries while the database is unavailable, and their interval.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_secs(2);
/// The actor in the audit trail.
const ACTOR: &str = "leak report";

/// Registers the route.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let other = web::to(|| async { Problem::MethodNotAllowed("POST".to_owned()).error_response() });
    let resource = web::resource(PATH)
        .route(web::post().to(report))
        .default_service(other);
    config.service(resource);
}

/// `POST /credentials/report`.
async fn report(request: HttpRequest, payload: web::Payload, service: web::Data<Management>) -> HttpResponse {
    let stream = actix_web::body::BodyStream::new(payload);
    if let Ok(Ok(body)) = actix_web::body::to_bytes_limited(stream, LONGEST).await {
        service.leak_reports.add(&body, caller::source(&request).0);
    }
    HttpResponse::Accepted()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "status": "received" }))
}

impl Management {
    /// Processes the queue, one report after the other; to be run in a task of its own, never returns.
    pub async fn look_into_leak_reports(&self) {
        let Some(mut receiver) = self.leak_reports.receiver() else {
            return;
        };
        while let Some(report) = receiver.recv().await {
            self.leak_reports.forget_idle();
            for _ in 0..TRIES {
                match self.look_into(&report).await {
                    Ok(()) => break,
                    Err(error) => log::error!("a leak report can't be looked into now: {error}"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Finds the reported secret. Digests depend on the client id, which the reporter does not know: the clients of
    /// all live secrets with the same hint are tried.
    async fn look_into(&self, report: &Report) -> Result<(), Problem> {
        let alike = self
            .store
            .live_secrets_with_hint(hint_of(&report.secret).to_owned(), self.now())
            .await?;
        let is_it = |one: &&LiveSecret| {
            let digests = self.pepper.digests(one.client_id, &report.secret);
            digests.contains(&one.digest)
        };
        match alike.iter().find(is_it) {
            Some(found) => self.end_leaked(found, report.source).await,
            None => Ok(()),
        }
    }

    async fn end_leaked(&self, found: &LiveSecret, source: IpAddr) -> Result<(), Problem> {
        let application = self.store.application(found.client_id).await?;
        let on_leak = application.ok_or(Problem::NotFound)?.policy.on_leak;
        let is_ended = found.is_reported && is_suspended(found.suspended_until, self.now());
        if is_ended && on_leak == OnLeak::Suspend {
            // A repeated report changes nothing.
            return Ok(());
        }
        match self.end(found, on_leak, source).await {
            // Already handled concurrently.
            Err(StoreError::Missing) => return Ok(()),
            outcome => outcome?,
        }
        let LiveSecret { id, client_id, .. } = found;
        log::warn!("a secret was reported as leaked: secret_id={id} client_id={client_id}");
        Ok(())
    }

    async fn end(&self, found: &LiveSecret, on_leak: OnLeak, source: IpAddr) -> Result<(), StoreError> {
        let action = match on_leak {
            OnLeak::Delete => AuditAction::SecretDelete,
            OnLeak::Suspend => AuditAction::SecretSuspend,
        };
        let object = format!("application/{}/secret/{}", found.client_id, found.id);
        let entry = self.entry((ACTOR, &source.to_string()), action, object, Outcome::Done);
        let report = leaks::Report {
            from: source.to_string(),
            team: self.settings.support_address.clone(),
        };
        let which = (found.client_id, found.id);
        self.store
            .end_leaked_secret(which, (on_leak, report), self.now(), entry)
            .await
    }
}
