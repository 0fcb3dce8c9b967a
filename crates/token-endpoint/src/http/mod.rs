//! HTTP around the endpoints: routes, the guard around every request, its source, forms, conditional answers, metadata,
//! health.

pub(crate) mod changes;
pub(crate) mod conditional;
pub(crate) mod discovery;
pub(crate) mod form;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod line;
pub(crate) mod log_detail;
pub(crate) mod problem;
pub(crate) mod refuse;
pub(crate) mod request_id;
pub(crate) mod routes;
pub(crate) mod source;
