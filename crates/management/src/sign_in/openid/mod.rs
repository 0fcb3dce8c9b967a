//! Sign-in through an external OpenID provider: authorization code flow with PKCE, state and nonce. A person is
//! (issuer, subject), never an e-mail address; that one binds a person whom the WMDA team added, once.

mod admission;
mod attempt;
mod outbound;
pub(crate) mod provider;
mod refusal;
pub(crate) mod routes;

pub use openidconnect::IssuerUrl;
pub use outbound::OutboundError;
pub use provider::{OpenIdSettings, Provider};
