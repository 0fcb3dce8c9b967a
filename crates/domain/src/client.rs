//! A client as the token endpoint sees it: an enabled application with its credentials and grants, in one snapshot.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    credential::Credential,
    networks::AllowedNetworks,
    profile::Profile,
    resource::{Resource, SigningAlgorithm},
};

/// What the token path knows of a [`Resource`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedResource {
    /// Permanent identifier; the audience of tokens that ask for it by GUID.
    pub id: Uuid,
    /// An absolute URI by which clients may ask for it too.
    pub uri: Option<String>,
    /// Overrides the server's default lifetime.
    pub token_lifetime_seconds: Option<i64>,
    /// Overrides the server's default algorithm.
    pub signing_algorithm: Option<SigningAlgorithm>,
}

impl GrantedResource {
    /// As [`Resource::is_named_by`].
    pub fn is_named_by(&self, indicator: &str) -> bool {
        Resource::named(self.id, self.uri.as_deref(), indicator)
    }
}

/// What an application may do on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The resource.
    pub resource: GrantedResource,
    /// The roles granted on it, sorted.
    pub roles: Vec<String>,
    /// The roles as a scope (RFC 6749 §3.3).
    pub scope: String,
}

/// A consistent picture of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub client_id: Uuid,
    /// What it must do beyond the standard.
    pub profile: Profile,
    /// The credentials that are not deleted.
    pub credentials: Vec<Credential>,
    /// The grants.
    pub grants: Vec<Arc<Grant>>,
    /// Whether it gets no token without a DPoP proof (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// From where its credentials work.
    pub networks: AllowedNetworks,
}
