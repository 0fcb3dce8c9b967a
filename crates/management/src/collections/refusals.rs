//! The refusal record: why a system gets no token, for those who can fix it.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::{DateTime, Utc};
use domain::policy::Permission;
use serde::{Deserialize, Serialize};
use store::refusals::{RefusalFilter, RefusalRecord};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::audit_events::HistoryQuery,
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

const LIST: &str = "refusals";
/// For a cause that this version does not know.
const UNKNOWN: (&str, &str) = (
    "Another version of this service refused it.",
    "Ask the WMDA team, with the trace id.",
);

/// Filter of refusals; an absent parameter matches any.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RefusalQuery {
    /// How many items at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The id of a request: `X-Request-Id`, an error's `trace_id`, or the trace id of a `traceparent`.
    pub trace_id: Option<String>,
    /// Only of this client, whether it exists or not.
    pub client_id: Option<Uuid>,
    /// Only of the applications of this organisation.
    pub organisation_id: Option<Uuid>,
    /// Only from this address; for IPv6 from its network of 64 bits.
    #[param(value_type = Option<String>)]
    pub source: Option<IpAddr>,
}

/// Refused requests of one day that have cause, client, credential and network in common.
#[derive(Serialize, ToSchema)]
pub struct RefusalView {
    /// When; the first time, if it was repeated.
    pub at: DateTime<Utc>,
    /// The id of that request.
    pub trace_id: String,
    /// The last time.
    pub last_at: DateTime<Utc>,
    /// The id of that request.
    pub last_trace_id: String,
    /// How often.
    pub count: i64,
    /// Why, in words.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The cause as the log and the metrics name it.
    pub code: String,
    /// The client that was named, which may not exist.
    pub client_id: Option<Uuid>,
    /// The credential whose value was presented, live, expired or deleted.
    pub credential_id: Option<Uuid>,
    /// What its manager calls it.
    pub credential_name: Option<String>,
    /// The first characters of its value.
    pub hint: Option<String>,
    /// From which address, the last time.
    pub source: String,
    /// By which program, the last time; by its own word.
    pub user_agent: String,
    /// Which endpoint was asked.
    pub route: String,
    /// The resource that was asked for, the last time.
    pub resource: Option<String>,
}

impl Management {
    /// The matching refusals, the latest first.
    pub async fn refusals(&self, _: &Allowed, query: RefusalQuery) -> Result<List<RefusalView>, Problem> {
        let trace_id = query.trace_id.as_deref().map(trace_id).transpose()?;
        let filter = RefusalFilter {
            client_id: query.client_id,
            organisation_id: query.organisation_id,
            trace_id,
            source: query.source,
            before: None,
        };
        self.refusal_page(filter, query.limit, query.after.as_deref())
            .await
    }

    /// The refusals of an application.
    pub async fn refusals_of(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        query: HistoryQuery,
    ) -> Result<List<RefusalView>, Problem> {
        self.application(allowed, client_id).await?;
        let filter = RefusalFilter {
            client_id: Some(client_id),
            ..RefusalFilter::default()
        };
        self.refusal_page(filter, query.limit, query.after.as_deref())
            .await
    }

    async fn refusal_page(
        &self,
        mut filter: RefusalFilter,
        limit: Option<u32>,
        after: Option<&str>,
    ) -> Result<List<RefusalView>, Problem> {
        let limit = cursor::limit(limit)?;
        let after = cursor::open(&self.pepper, LIST, after)?;
        filter.before = after.as_deref().and_then(cursor::parse_expiry_key);
        // Flushes this node's recent refusals first, so that they are found.
        if let Some(recorder) = &self.refused_requests
            && let Err(error) = recorder.flush(&self.store).await
        {
            log::warn!("refusals could not be written now and are kept: {error}");
        }
        let found = self.store.refusals(filter, limit as i64 + 1).await?;
        let key = |one: &RefusalRecord| cursor::expiry_key(one.last_at, one.id);
        let List { items, next } = cursor::page(&self.pepper, LIST, found, limit, key);
        let items = items.into_iter().map(|one| self.explained(one)).collect();
        Ok(List { items, next })
    }

    fn explained(&self, one: RefusalRecord) -> RefusalView {
        let words = self.explanations.as_ref().and_then(|of| of(&one.cause));
        let (cause, remedy) = words.unwrap_or(UNKNOWN);
        RefusalView {
            at: one.at,
            trace_id: one.trace_id,
            last_at: one.last_at,
            last_trace_id: one.last_trace_id,
            count: one.times,
            cause,
            remedy,
            code: one.cause,
            client_id: one.client_id,
            credential_id: one.credential_id,
            credential_name: one.credential_name,
            hint: one.hint,
            source: one.source,
            user_agent: one.user_agent,
            route: one.route,
            resource: one.resource,
        }
    }
}

/// Parses a UUID with or without hyphens, as other programs log it.
fn trace_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text.trim())
        .map_err(|_| Problem::Invalid("trace_id is a UUID or 32 hexadecimal digits".to_owned()))
}

/// Lists refused token requests of an application, the latest first. Roles: admin, auditor, its credential managers.
///
/// Repetitions of a day are one item with a `count`. Kept for 30 days after the last one.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path), HistoryQuery), responses((status = 200, body = List<RefusalView>), Problems))]
#[get("/applications/{client_id}/refusals")]
pub(crate) async fn of_application(
    caller: Caller,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller
        .service
        .refusals_of(&allowed, client_id, body::query(&request)?)
        .await)
}

/// Finds refused token requests, also those of clients that do not exist, the latest first. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(RefusalQuery), responses((status = 200, body = List<RefusalView>), Problems))]
#[get("/refusals")]
pub(crate) async fn search(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadRefusals).await?;
    ok(caller.service.refusals(&allowed, body::query(&request)?).await)
}
