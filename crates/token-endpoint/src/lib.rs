//! The OAuth endpoints over HTTP: `/oauth2/token`, the Entra-compatible routes, introspection, revocation, metadata,
//! JWKS and health.

mod client;
mod http;
pub mod metrics;
mod refusal;
mod state;
mod status;
mod token;

pub use http::{
    guard::guard,
    health::show_metrics,
    pieces::PIECE,
    routes::{configure, readable},
};
pub use refusal::{Explanation, explanation};
pub use state::{Parts, Settings, TokenService};
