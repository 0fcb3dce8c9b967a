//! A client as the token endpoint sees it: an enabled application with its secrets and grants, in one snapshot.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{pepper::Digest, resource::Resource};

/// What an application may do on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The resource.
    pub resource: Resource,
    /// The roles granted on it, sorted.
    pub roles: Vec<String>,
    /// The roles as a scope (RFC 6749 §3.3).
    pub scope: String,
}

/// One secret of a client, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretDigest {
    /// The secret's id.
    pub id: Uuid,
    /// Its stored form.
    pub digest: Digest,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// Its place in the token status list.
    pub status_index: i64,
}

/// A consistent picture of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub client_id: Uuid,
    /// The secrets that are not deleted.
    pub secrets: Vec<SecretDigest>,
    /// The grants.
    pub grants: Vec<Arc<Grant>>,
}
