//! The OpenAPI document, generated from the routes.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        self, ContentBuilder, Ref, RefOr, ResponseBuilder, Schema,
        schema::ArrayItems,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::http::{fixed::Fixed, problem::ProblemBody};

/// The document, and the response that serves it.
pub struct Documentation {
    pub(crate) document: openapi::OpenApi,
    json: Fixed,
}

impl Documentation {
    /// Serialises the document as JSON, once.
    ///
    /// # Errors
    /// When the document can't be serialised.
    pub fn new(document: openapi::OpenApi) -> Result<Self, serde_json::Error> {
        let json = Fixed::new("application/json", serde_json::to_vec(&document)?);
        Ok(Self { document, json })
    }
}

/// The API's general information.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "wmda-auth management API",
        description = "Credentials of applications that call WMDA's APIs, under role-based authorization. Times are \
                       RFC 3339 in UTC. Lists answer {items, next}; send `next` as `after` for the following page. \
                       Errors are problems by RFC 9457; the X-Request-Id header names a request in the log. \
                       Idempotency-Key is not offered: an answer that holds a secret is not kept."
    ),
    servers((url = "/", description = "This server.")),
    tags(
        (name = "Sign-in", description = "Enrolment, sessions, and the links of mails."),
        (name = "Account", description = "One's own password, authenticator, recovery codes, sessions and mail settings."),
        (name = "Applications", description = "What the caller may see of applications."),
        (name = "Secrets", description = "Client secrets of applications."),
        (name = "Federated credentials", description = "Identities that somebody else vouches for, in place of secrets."),
        (name = "Keys", description = "Public keys and certificates of applications, in place of secrets."),
        (name = "WMDA team", description = "Organisations, applications, people, resources, reports and the audit trail."),
        (name = "Documentation", description = "This document.")
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

/// The error responses that any route may give.
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

/// Adds what routes don't declare: unique operation ids, descriptions of success responses, and of path parameters.
pub(crate) fn complete(document: &mut openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            if operation.security.as_deref() == Some(&[SecurityRequirement::default()]) {
                // No security requirement at all, rather than an empty one, for routes without a session.
                operation.security = Some(Vec::new());
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    response.description = meaning(status).to_owned();
                }
            }
            for parameter in operation.parameters.iter_mut().flatten() {
                let known = part_of_path(&parameter.name);
                parameter.description = parameter.description.take().or(known.map(str::to_owned));
            }
        }
    }
    name_items(document);
}

/// Names the item type of each list.
fn name_items(document: &mut openapi::OpenApi) {
    let Some(components) = &mut document.components else {
        return;
    };
    let known: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let Some(item) = name
            .strip_prefix("List_")
            .filter(|item| known.iter().any(|one| one == item))
        else {
            continue;
        };
        if let RefOr::T(Schema::Object(list)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1/").unwrap_or(path);
    let words =
        path.split('/').map(
            |part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => format!("by_{name}"),
                None => part.replace(['-', '.'], "_"),
            },
        );
    let words: Vec<String> = words.collect();
    format!("{method}_{}", words.join("_"))
}

fn meaning(status: &str) -> &'static str {
    match status {
        "201" => "It was made.",
        "204" => "It was done; the answer has no body.",
        _ => "The answer.",
    }
}

fn part_of_path(name: &str) -> Option<&'static str> {
    match name {
        "client_id" => Some("The client id of the application or resource server."),
        "secret_id" => Some("The id of the secret, which is not its value."),
        "resource_id" => Some("The id of the resource."),
        "user_id" => Some("The id of the person."),
        "id" => Some("The id of the object."),
        _ => None,
    }
}

/// This document.
#[utoipa::path(tag = "Documentation", security(()), responses((status = 200, content_type = "application/json")))]
#[get("/openapi.json")]
pub(crate) async fn show(documentation: web::Data<Documentation>, request: HttpRequest) -> HttpResponse {
    documentation.json.answer(&request)
}
