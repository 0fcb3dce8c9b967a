//! `/api/docs`: the OpenAPI document as HTML, rendered once at start-up, without scripts or third-party assets.

mod kind;
mod model;

use actix_web::{HttpRequest, HttpResponse, middleware::DefaultHeaders, web};
use askama::Template;
use utoipa::openapi::OpenApi;

use crate::http::{answer::get_only, fixed::Fixed};

const PATH: &str = "/api/docs";
const STYLE: &str = include_str!("../../../templates/docs.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The rendered page.
pub struct Docs(Fixed);

/// Why rendering fails.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// The document can't be serialised.
    #[error("the OpenAPI document: {0}")]
    Document(#[from] serde_json::Error),
    /// The template fails.
    #[error("the template of /api/docs: {0}")]
    Template(#[from] askama::Error),
}

impl Docs {
    /// Renders the page.
    ///
    /// # Errors
    /// When the document has a form that OpenAPI does not allow.
    pub fn new(document: &OpenApi) -> Result<Self, DocsError> {
        let document = serde_json::to_value(document)?;
        let page = model::Page::read(&document).render()?;
        Ok(Self(Fixed::new("text/html; charset=utf-8", page)))
    }
}

/// Registers the route.
pub fn configure(config: &mut web::ServiceConfig, docs: &web::Data<Docs>) {
    let headers = || {
        DefaultHeaders::new()
            .add(("Content-Security-Policy", POLICY))
            .add(("X-Content-Type-Options", "nosniff"))
            .add(("Referrer-Policy", "no-referrer"))
            .add(("Cross-Origin-Opener-Policy", "same-origin"))
            .add(("Cache-Control", "no-cache"))
    };
    let document = get_only(web::resource([PATH.to_owned(), format!("{PATH}/")]), page)
        .app_data(docs.clone())
        .wrap(headers());
    let style = get_only(web::resource(format!("{PATH}/style.css")), style).wrap(headers());
    config.service(document).service(style);
}

async fn page(docs: web::Data<Docs>, request: HttpRequest) -> HttpResponse {
    docs.0.answer(&request)
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(STYLE)
}
