//! Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use serde::Serialize;

/// One document for both well-known paths; OpenID clients require the last three fields.
#[derive(Serialize)]
pub struct ServerMetadata {
    /// The issuer identifier, from configuration.
    pub issuer: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The JWKS.
    pub jwks_uri: String,
    /// Issues nothing, but Entra clients reject metadata without it.
    pub authorization_endpoint: String,
    /// Authentication methods of clients at the token endpoint.
    pub token_endpoint_auth_methods_supported: &'static [&'static str],
    /// The algorithms of client assertions there.
    pub token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    /// The introspection endpoint (RFC 7662).
    pub introspection_endpoint: String,
    /// Authentication methods of resource servers there.
    pub introspection_endpoint_auth_methods_supported: &'static [&'static str],
    /// The revocation endpoint (RFC 7009).
    pub revocation_endpoint: String,
    /// Authentication methods of clients there.
    pub revocation_endpoint_auth_methods_supported: &'static [&'static str],
    /// The algorithms of client assertions there.
    pub revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    /// The signing algorithms of DPoP proofs (RFC 9449 §5.1).
    pub dpop_signing_alg_values_supported: [&'static str; 3],
    /// The status list aggregation (draft-ietf-oauth-status-list-20 §9.1).
    pub status_list_aggregation_endpoint: String,
    /// `client_credentials` only.
    pub grant_types_supported: &'static [&'static str],
    /// No response type is supported; OpenID clients require a non-empty list.
    pub response_types_supported: &'static [&'static str],
    /// `public`: a subject is the same for every client.
    pub subject_types_supported: &'static [&'static str],
    /// No ID tokens are issued; RS256 is the mandatory value.
    pub id_token_signing_alg_values_supported: &'static [&'static str],
}
