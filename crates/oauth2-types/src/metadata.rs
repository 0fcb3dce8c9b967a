//! Server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use serde::Serialize;

/// One document serves both well-known names; OpenID clients insist on the last three fields.
#[derive(Serialize)]
pub struct ServerMetadata {
    /// The issuer, from configuration.
    pub issuer: String,
    /// Where tokens are issued.
    pub token_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Issues nothing; clients of Entra refuse metadata without it.
    pub authorization_endpoint: String,
    /// How clients authenticate.
    pub token_endpoint_auth_methods_supported: &'static [&'static str],
    /// The algorithms of client assertions there.
    pub token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    /// Where downstream APIs ask about a token (RFC 7662).
    pub introspection_endpoint: String,
    /// How they authenticate there.
    pub introspection_endpoint_auth_methods_supported: &'static [&'static str],
    /// Where a client ends its own token (RFC 7009).
    pub revocation_endpoint: String,
    /// How it authenticates there.
    pub revocation_endpoint_auth_methods_supported: &'static [&'static str],
    /// The algorithms of client assertions there.
    pub revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    /// What DPoP proofs may be signed with (RFC 9449 §5.1).
    pub dpop_signing_alg_values_supported: [&'static str; 3],
    /// Where all status lists are named (draft-ietf-oauth-status-list-20 §9.1).
    pub status_list_aggregation_endpoint: String,
    /// Client credentials alone.
    pub grant_types_supported: &'static [&'static str],
    /// No response type leads to a token here; OpenID clients want the list non-empty.
    pub response_types_supported: &'static [&'static str],
    /// Subjects are the same for every client.
    pub subject_types_supported: &'static [&'static str],
    /// No ID token is issued; RS256 is the value the standard makes mandatory.
    pub id_token_signing_alg_values_supported: &'static [&'static str],
}
