//! Sign-in through an external OpenID provider: authorization code flow with PKCE, state and nonce. A person is
//! identified by (issuer, subject), never by e-mail address; a verified address only binds a person added by the WMDA
//! team, once.

mod admission;
mod attempt;
mod claims;
mod id_token;
mod issuer;
mod json;
mod jwks;
mod metadata;
mod outbound;
pub(crate) mod provider;
mod refusal;
pub(crate) mod routes;

pub use issuer::IssuerUrl;
pub use outbound::OutboundError;
pub use provider::{OpenIdSettings, Provider};
