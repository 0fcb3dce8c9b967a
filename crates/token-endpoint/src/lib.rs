//! The HTTP side of tokens: `/oauth2/token`, the Entra-compatible routes, metadata, keys and health.

mod discovery;
mod entra;
mod failure;
mod guard;
mod issue;
mod request;
mod routes;
mod source;
mod state;
mod status_list;
mod throttle;

pub use guard::guard;
pub use routes::configure;
pub use state::{Settings, TokenService};
