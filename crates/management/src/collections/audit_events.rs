//! The audit trail, for reading.

use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::{audit::Event, policy::Permission};
use serde::{Deserialize, Serialize};
use store::audit::{AuditFilter, AuditVerdict};
use utoipa::{IntoParams, ToSchema};

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body,
        caller::Caller,
        cursor::{self, List},
        problem::Problem,
    },
    state::Management,
};

const LIST: &str = "audit-events";

/// Which events a list shows; what is left out is any.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// How many items at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action, such as `secret.create`.
    pub action: Option<String>,
    /// Exactly this object, such as `user/<id>`.
    pub object: Option<String>,
    /// `done` or `denied`.
    pub outcome: Option<String>,
}

/// One event.
#[derive(Serialize, ToSchema)]
pub struct AuditEventView {
    /// Its place in the trail.
    pub sequence: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On which object.
    pub object: String,
    /// From which address.
    pub source: String,
    /// `done` or `denied`.
    pub outcome: String,
}

impl From<(i64, Event)> for AuditEventView {
    fn from((sequence, event): (i64, Event)) -> Self {
        let Event {
            at,
            actor,
            action,
            object,
            source,
            outcome,
        } = event;
        Self {
            sequence,
            at,
            actor,
            action,
            object,
            source,
            outcome,
        }
    }
}

impl Management {
    /// Events, the newest first.
    pub async fn audit_events(
        &self,
        _: &Allowed,
        query: AuditQuery,
    ) -> Result<List<AuditEventView>, Problem> {
        let limit = cursor::limit(query.limit)?;
        let before =
            cursor::open(&self.pepper, LIST, query.after.as_deref())?.and_then(|key| key.parse().ok());
        let AuditQuery {
            actor,
            action,
            object,
            outcome,
            ..
        } = query;
        let filter = AuditFilter {
            actor,
            action,
            object,
            outcome,
        };
        let found = self.store.audit_events(filter, before, limit as i64 + 1).await?;
        let views = found.into_iter().map(Into::into).collect();
        Ok(cursor::page(
            &self.pepper,
            LIST,
            views,
            limit,
            |one: &AuditEventView| one.sequence.to_string(),
        ))
    }

    /// Events in order after a sequence number, in chunks; empty at the end.
    pub async fn audit_events_after(
        &self,
        _: &Allowed,
        sequence: i64,
    ) -> Result<Vec<AuditEventView>, Problem> {
        let found = self.store.audit_events_after(sequence).await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Follows the chain of the whole trail.
    pub async fn verify_audit(&self, _: &Allowed) -> Result<AuditVerdict, Problem> {
        Ok(self.store.verify_audit(&self.pepper).await?)
    }
}

/// Lists the audit trail, the newest first. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(AuditQuery), responses((status = 200, body = List<AuditEventView>), Problems))]
#[get("/audit-events")]
pub(crate) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadAuditTrail).await?;
    ok(caller
        .service
        .audit_events(&allowed, body::query(&request)?)
        .await)
}
