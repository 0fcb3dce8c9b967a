//! A client on the token path: an enabled application with its credentials and grants, in one snapshot.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    credential::Credential,
    networks::AllowedNetworks,
    profile::Profile,
    resource::{Resource, SigningAlgorithm},
};

/// The part of a [`Resource`] that the token path needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedResource {
    /// Permanent identifier; the `aud` of tokens requested by GUID.
    pub id: Uuid,
    /// Its resource indicator: an absolute URI (RFC 8707 §2).
    pub uri: Option<String>,
    /// Overrides the server's default token lifetime.
    pub token_lifetime_seconds: Option<i64>,
    /// Overrides the server's default signing algorithm.
    pub signing_algorithm: Option<SigningAlgorithm>,
}

impl GrantedResource {
    /// See [`Resource::is_named_by`].
    pub fn is_named_by(&self, indicator: &str) -> bool {
        Resource::named(self.id, self.uri.as_deref(), indicator)
    }
}

/// The roles granted to an application on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The resource.
    pub resource: GrantedResource,
    /// The roles granted on it, sorted.
    pub roles: Vec<String>,
    /// The roles as a scope (RFC 6749 §3.3).
    pub scope: String,
}

/// A consistent snapshot of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub client_id: Uuid,
    /// Its security profile.
    pub profile: Profile,
    /// The credentials that are not deleted.
    pub credentials: Vec<Credential>,
    /// The grants.
    pub grants: Vec<Arc<Grant>>,
    /// Whether its tokens must be DPoP-bound (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// The networks from which its credentials may be used.
    pub networks: AllowedNetworks,
}

/// Why no resource is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRefusal {
    /// No resource is requested, and the client does not have exactly one.
    Ambiguous,
    /// The requested resource is unknown or not granted.
    NotGranted,
}

impl Client {
    /// The grant for the requested resource, or the only one there is.
    pub(crate) fn grant(&self, indicator: Option<&str>) -> Result<Arc<Grant>, TargetRefusal> {
        match indicator {
            Some(named) => self
                .grants
                .iter()
                .find(|grant| grant.resource.is_named_by(named))
                .ok_or(TargetRefusal::NotGranted),
            None if self.grants.len() == 1 => self.grants.first().ok_or(TargetRefusal::Ambiguous),
            None => Err(TargetRefusal::Ambiguous),
        }
        .cloned()
    }
}
