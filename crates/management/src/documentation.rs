//! The OpenAPI document, which the routes themselves make.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, web};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        self, ContentBuilder, Ref, RefOr, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{Problem, problem::ProblemBody};

/// What is said of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "wmda-auth management API",
        description = "Credentials of applications that call WMDA's APIs, under role-based authorization. Times are \
                       RFC 3339 in UTC. Lists answer {items, next}; send `next` as `after` for the following page. \
                       Errors are problems by RFC 9457; the X-Request-Id header names a request in the log. \
                       Idempotency-Key is not offered: an answer that holds a secret is not kept."
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer)
)]
pub(crate) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("session", scheme);
        document.security = Some(vec![SecurityRequirement::new("session", Vec::<String>::new())]);
    }
}

/// The answers that any route may give beside its own.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let problems = [
            (400, "Something in the request is not as it must be."),
            (401, "No session that is alive, or the proof is wrong."),
            (403, "The caller's role never may."),
            (404, "Absent, or not for the caller's eyes."),
            (409, "It collides with what is there, or a limit is reached."),
            (413, "The body is longer than 16 KiB."),
            (415, "The body is no application/json."),
            (
                429,
                "Too many attempts; Retry-After says how many seconds to wait.",
            ),
            (
                503,
                "The database can't be used at the moment; Retry-After says how many seconds to wait.",
            ),
        ];
        let response = |text: &str| {
            let schema = Ref::from_schema_name("ProblemBody");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new()
                .description(text)
                .content("application/problem+json", content)
                .build()
        };
        problems
            .into_iter()
            .map(|(status, text)| (status.to_string(), response(text).into()))
            .collect()
    }
}

/// This document.
#[utoipa::path(tag = "Documentation", security(()), responses((status = 200, content_type = "application/json")))]
#[get("/openapi.json")]
pub(crate) async fn show(document: web::Data<openapi::OpenApi>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(document.get_ref()))
}
