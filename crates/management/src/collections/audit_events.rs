//! Read access to the audit trail.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::{DateTime, Utc};
use domain::{audit::Event, audit_action::AuditAction, policy::Permission};
use serde::{Deserialize, Serialize};
use store::audit::{Anchor, AuditFilter, AuditVerdict};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::{self, id},
        caller::Caller,
        cursor::{self, List},
        problem::Problem,
    },
    state::Management,
};

const LIST: &str = "audit-events";

/// Filter of audit events; an absent parameter matches any.
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
    /// Only events on this application, or on something of it.
    pub client_id: Option<Uuid>,
    /// Only events on this organisation itself, such as its webhooks.
    pub organisation_id: Option<Uuid>,
    /// Only events by, or on, something whose name or id holds this text.
    #[param(max_length = 120)]
    pub search: Option<String>,
}

/// Pagination of an application's history.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How many items at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
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
    /// What the ids in `object` stand for today, by id: names, and addresses of people.
    pub names: BTreeMap<String, String>,
}

/// One event of an application's history.
#[derive(Serialize, ToSchema)]
pub struct HistoryEventView {
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
    /// What the ids in `object` stand for today, by id.
    pub names: BTreeMap<String, String>,
}

impl From<AuditEventView> for HistoryEventView {
    fn from(event: AuditEventView) -> Self {
        Self {
            sequence: event.sequence,
            at: event.at,
            actor: event.actor,
            action: event.action,
            object: event.object,
            names: event.names,
        }
    }
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
            names: BTreeMap::new(),
        }
    }
}

/// The ids in an object's path.
fn ids_in(object: &str) -> impl Iterator<Item = Uuid> {
    object.split('/').filter_map(|part| part.parse().ok())
}

impl Management {
    /// Events, newest first.
    pub async fn audit_events(
        &self,
        _: &Allowed,
        query: AuditQuery,
    ) -> Result<List<AuditEventView>, Problem> {
        let limit = cursor::limit(query.limit)?;
        let before =
            cursor::open(&self.pepper, LIST, query.after.as_deref())?.and_then(|key| key.parse().ok());
        let (among, or_actor) = self.touched(&query).await?;
        let filter = AuditFilter {
            actor: query.actor,
            action: query.action,
            object: query.object,
            outcome: query.outcome,
            among,
            or_actor,
        };
        let found = self.store.audit_events(filter, before, limit as i64 + 1).await?;
        let mut views: Vec<AuditEventView> = found.into_iter().map(Into::into).collect();
        self.name_objects(&mut views).await?;
        let key = |one: &AuditEventView| one.sequence.to_string();
        Ok(cursor::page(&self.pepper, LIST, views, limit, key))
    }

    /// The objects to filter by, and a pattern of actors as an alternative.
    async fn touched(&self, query: &AuditQuery) -> Result<(Option<Vec<Uuid>>, Option<String>), Problem> {
        if let Some(id) = query.client_id.or(query.organisation_id) {
            return Ok((Some(vec![id]), None));
        }
        let search = cursor::search(query.search.clone())?;
        if search.is_empty() {
            return Ok((None, None));
        }
        let like = store::pattern(&search);
        let ids = match search.parse() {
            Ok(id) => vec![id],
            Err(_) => self.store.ids_by_name(like.clone()).await?,
        };
        Ok((Some(ids), Some(like)))
    }

    async fn name_objects(&self, views: &mut [AuditEventView]) -> Result<(), Problem> {
        let ids: BTreeSet<Uuid> = views.iter().flat_map(|view| ids_in(&view.object)).collect();
        let known = self.store.names(ids.into_iter().collect()).await?;
        for view in views {
            let named = ids_in(&view.object).filter_map(|id| Some((id.to_string(), known.get(&id)?.clone())));
            view.names = named.collect();
        }
        Ok(())
    }

    /// The history of an application, newest first.
    pub async fn history(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        query: HistoryQuery,
    ) -> Result<List<HistoryEventView>, Problem> {
        let query = AuditQuery {
            limit: query.limit,
            after: query.after,
            outcome: Some("done".to_owned()),
            client_id: Some(client_id),
            ..AuditQuery::default()
        };
        let List { items, next } = self.audit_events(allowed, query).await?;
        let items = items.into_iter().map(Into::into).collect();
        Ok(List { items, next })
    }

    /// Events after a sequence number, oldest first, in chunks; empty at the end.
    pub async fn audit_events_after(
        &self,
        _: &Allowed,
        sequence: i64,
    ) -> Result<Vec<AuditEventView>, Problem> {
        let found = self.store.audit_events_after(sequence).await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Verifies the whole trail.
    pub async fn verify_audit(&self, _: &Allowed) -> Result<AuditVerdict, Problem> {
        Ok(self.store.verify_audit(&self.pepper).await?)
    }

    /// Seals the end of an unsealed trail whose chain is intact; returns the verdict before sealing.
    pub async fn seal_audit(&self, allowed: &Allowed) -> Result<AuditVerdict, Problem> {
        let entry = self.done(allowed, AuditAction::AuditTrailSeal, "-");
        Ok(self.store.seal_audit(entry).await?)
    }

    /// The first anchor that the trail contradicts.
    pub async fn contradicting_anchor(
        &self,
        _: &Allowed,
        anchors: Vec<Anchor>,
    ) -> Result<Option<Anchor>, Problem> {
        Ok(self.store.contradicting_anchor(anchors).await?)
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

/// Lists what happened to an application, its secrets, permissions and managers, the newest first. Roles: admin, auditor,
/// its credential managers.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path), HistoryQuery), responses((status = 200, body = List<HistoryEventView>), Problems))]
#[get("/applications/{client_id}/history")]
pub(crate) async fn history(
    caller: Caller,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    caller.service.application(&allowed, client_id).await?;
    ok(caller
        .service
        .history(&allowed, client_id, body::query(&request)?)
        .await)
}
