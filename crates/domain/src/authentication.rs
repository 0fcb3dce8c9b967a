//! Client authentication: the only place that can say "this client is who it claims to be", and the choice of the
//! resource that it may have a token for.

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    client::{Client, Grant},
    credential::{Credential, CredentialKind, Proof},
    networks::Place,
    pepper::Digest,
    profile::Profile,
    suspension::is_suspended,
};

/// A client that has proved a live credential. Nothing but this module builds one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    credential_id: Uuid,
    kind: CredentialKind,
    expires_at: DateTime<Utc>,
    awaits_first_use: bool,
    status_index: i64,
    secret_digest: Option<Digest>,
}

/// Why a presented digest does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret of this client matches.
    NoMatch,
    /// It matches this one, which has expired.
    Expired(Uuid),
    /// It matches this one, which is suspended.
    Suspended(Uuid),
    /// It matches this one, which does not work from where it was presented.
    Network(Uuid),
}

/// Checks digests that were computed from the presented secret. `from` is where it was presented.
pub fn authenticate(
    client: Arc<Client>,
    presented: &[Digest],
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<AuthenticatedClient, Refusal> {
    let mut found = None;
    for credential in &client.credentials {
        if credential.proof.is_secret_of(presented) {
            found = Some(credential.clone());
        }
    }
    let credential = found.ok_or(Refusal::NoMatch)?;
    AuthenticatedClient::by(client, &credential, (from, now))
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
    /// Possession is proved; whether the credential counts now, and from there.
    fn by(
        client: Arc<Client>,
        credential: &Credential,
        (from, now): (IpAddr, DateTime<Utc>),
    ) -> Result<Self, Refusal> {
        if credential.expires_at <= now {
            return Err(Refusal::Expired(credential.id));
        }
        if client.networks.place(from) == Place::Refused {
            return Err(Refusal::Network(credential.id));
        }
        if is_suspended(credential.suspended_until, now) {
            return Err(Refusal::Suspended(credential.id));
        }
        Ok(Self {
            client,
            credential_id: credential.id,
            kind: credential.proof.kind(),
            expires_at: credential.expires_at,
            awaits_first_use: credential.awaits_first_use,
            status_index: credential.status_index,
            secret_digest: match &credential.proof {
                Proof::Secret(digest) => Some(*digest),
                Proof::Key(_) | Proof::Federated(_) => None,
            },
        })
    }

    /// The client id.
    pub fn client_id(&self) -> Uuid {
        self.client.client_id
    }

    /// The credential that was proved.
    pub fn credential_id(&self) -> Uuid {
        self.credential_id
    }

    /// Whether this is the first use of a secret that was made in an exchange: it has to be written down before it counts.
    pub fn awaits_first_use(&self) -> bool {
        self.awaits_first_use
    }

    /// From this instant on that secret is refused; `None` when it was no secret that was proved.
    pub fn secret_expires_at(&self) -> Option<DateTime<Utc>> {
        (self.kind == CredentialKind::Secret).then_some(self.expires_at)
    }

    /// What kind of credential that is.
    pub fn credential_kind(&self) -> CredentialKind {
        self.kind
    }

    /// What the application must do beyond the standard.
    pub fn profile(&self) -> Profile {
        self.client.profile
    }

    /// The digest by which a secret is stored, if it was a secret: one under an earlier version of the pepper can be renewed
    /// now.
    pub fn secret_digest(&self) -> Option<&Digest> {
        self.secret_digest.as_ref()
    }

    /// The place of that credential in the token status list.
    pub fn status_index(&self) -> i64 {
        self.status_index
    }

    /// Whether its tokens must be bound to a key: by its own setting (RFC 9449 §5.2), or by its profile (FAPI 2.0 §5.3.2.1).
    pub fn needs_bound_tokens(&self) -> bool {
        self.client.dpop_bound_access_tokens || self.client.profile == Profile::Fapi2
    }

    /// Whether it asks from elsewhere than it should, which is only to be recorded.
    pub fn is_reported(&self, from: IpAddr) -> bool {
        self.client.networks.place(from) == Place::Reported
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
