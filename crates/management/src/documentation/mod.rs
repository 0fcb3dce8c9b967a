//! The API's documentation: the OpenAPI document, and `/api/docs`, which is made from it.

pub mod html;
pub(crate) mod openapi;
