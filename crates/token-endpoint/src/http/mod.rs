//! HTTP around the endpoints: routes, middleware, source addresses, forms, conditional requests, metadata, health.

pub(crate) mod changes;
pub(crate) mod conditional;
pub(crate) mod discovery;
mod fast_path;
pub(crate) mod form;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod line;
pub(crate) mod line_limit;
pub(crate) mod log_detail;
pub(crate) mod paths;
pub(crate) mod pieces;
pub(crate) mod problem;
pub(crate) mod refuse;
pub(crate) mod request_id;
mod rounds;
pub(crate) mod routes;
pub(crate) mod source;
