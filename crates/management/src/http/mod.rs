//! What every operation needs of HTTP: request bodies, caller, pagination, responses, problem details.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod caller;
pub mod cursor;
pub(crate) mod fixed;
pub(crate) mod problem;
