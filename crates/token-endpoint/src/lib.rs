//! The HTTP side of tokens: `/oauth2/token`, the Entra-compatible routes, metadata, keys and health.

mod discovery;
mod entra;
mod failure;
mod issue;
mod request;
mod routes;
mod source;
mod state;
mod throttle;

pub use routes::configure;
pub use state::{Settings, TokenService};
