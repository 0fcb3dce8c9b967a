//! The API's documentation: the OpenAPI document, and `/api/docs`, rendered from it.

pub mod html;
pub(crate) mod openapi;
