//! Client authentication: the only place that can say "this client is who it claims to be", and the choice of the
//! resource that it may have a token for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    client::{Client, Grant},
    pepper::Digest,
};

/// A client that has proved possession of a live secret. Nothing but [`authenticate`] builds one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    secret_id: Uuid,
    secret_expires_at: DateTime<Utc>,
    status_index: i64,
}

/// Why a presented digest does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret of this client matches.
    NoMatch,
    /// It matches this one, which has expired.
    Expired(Uuid),
}

/// Checks digests that were computed from the presented secret. Digests are compared, not secrets: they are keyed,
/// so the time that a comparison takes tells nothing that can be steered.
pub fn authenticate(
    client: Arc<Client>,
    presented: &[Digest],
    now: DateTime<Utc>,
) -> Result<AuthenticatedClient, Refusal> {
    let mut found = None;
    for secret in &client.secrets {
        if presented.iter().any(|digest| same(digest, &secret.digest)) {
            found = Some(secret);
        }
    }
    let secret = match found {
        None => return Err(Refusal::NoMatch),
        Some(secret) if secret.expires_at <= now => return Err(Refusal::Expired(secret.id)),
        Some(secret) => secret,
    };
    Ok(AuthenticatedClient {
        secret_id: secret.id,
        secret_expires_at: secret.expires_at,
        status_index: secret.status_index,
        client,
    })
}

fn same(left: &Digest, right: &Digest) -> bool {
    left.iter()
        .zip(right)
        .fold(0, |difference, (l, r)| difference | (l ^ r))
        == 0
}

/// Why no resource can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRefusal {
    /// None was named and the client has not exactly one.
    Ambiguous,
    /// The named one is unknown or not granted.
    NotGranted,
}

impl AuthenticatedClient {
    /// The client id.
    pub fn client_id(&self) -> Uuid {
        self.client.client_id
    }

    /// The secret that was presented.
    pub fn secret_id(&self) -> Uuid {
        self.secret_id
    }

    /// From this instant on that secret is refused.
    pub fn secret_expires_at(&self) -> DateTime<Utc> {
        self.secret_expires_at
    }

    /// The place of that secret in the token status list.
    pub fn status_index(&self) -> i64 {
        self.status_index
    }

    /// The grant for the named resource, or the only one there is.
    pub fn grant(&self, indicator: Option<&str>) -> Result<Arc<Grant>, TargetRefusal> {
        let grants = &self.client.grants;
        match indicator {
            Some(named) => grants
                .iter()
                .find(|grant| grant.resource.is_named_by(named))
                .ok_or(TargetRefusal::NotGranted),
            None if grants.len() == 1 => grants.first().ok_or(TargetRefusal::Ambiguous),
            None => Err(TargetRefusal::Ambiguous),
        }
        .cloned()
    }
}
