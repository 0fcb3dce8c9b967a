//! The HTTP side of tokens: `/oauth2/token`, the Entra-compatible routes, introspection, revocation, metadata,
//! keys and health.

mod changes;
mod conditional;
mod discovery;
mod entra;
mod entra_codes;
mod failure;
mod guard;
mod introspection;
mod issue;
mod line;
pub mod metrics;
mod presented;
mod refusal;
mod request;
mod revocation;
mod routes;
mod source;
mod state;
mod status_list;
mod throttle;

pub use guard::guard;
pub use routes::configure;
pub use state::{Parts, Settings, TokenService};
