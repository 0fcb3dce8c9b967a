//! HTTP for all operations: request bodies, callers, pagination, responses, problem details.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod caller;
pub mod cursor;
pub(crate) mod fixed;
pub(crate) mod problem;
