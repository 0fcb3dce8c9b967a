//! Common responses, and read-only resources.

use actix_web::{HttpResponse, ResponseError, web};
use serde::Serialize;

use crate::http::problem::Problem;

pub(crate) fn ok<T: Serialize>(outcome: Result<T, Problem>) -> Result<HttpResponse, Problem> {
    outcome.map(|value| HttpResponse::Ok().json(value))
}

pub(crate) fn created<T: Serialize>(location: &str, value: &T) -> HttpResponse {
    HttpResponse::Created()
        .insert_header(("Location", location))
        .json(value)
}

/// A read-only resource: GET and HEAD.
pub(crate) fn get_only<F, Arguments>(resource: actix_web::Resource, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Arguments, Output = HttpResponse> + Copy,
    Arguments: actix_web::FromRequest + 'static,
{
    resource
        .route(web::get().to(handler))
        .route(web::head().to(handler))
        .default_service(web::to(|| async {
            Problem::MethodNotAllowed("GET, HEAD".to_owned()).error_response()
        }))
}
