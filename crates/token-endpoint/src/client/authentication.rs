//! Client authentication by assertion (see `assertion`) or by secret: from the client cache first, then, unless the
//! source is throttled, from the database.

use std::{net::IpAddr, sync::Arc};

use chrono::SubsecRound;
use domain::{
    authentication::{self, AssertionRules, AuthenticatedClient, Refusal},
    client::Client,
    digest::Digest,
    resource::parse_guid,
    resource_server::ResourceServer,
};
use store::usage::Rehash;
use uuid::Uuid;

use super::{presented::Presented, throttle::Attempt};
use crate::{
    refusal::{ClientCause, Failure},
    state::TokenService,
};

impl TokenService {
    /// Authenticates a client. Failures are throttled, successes never. Rare paths are boxed, to keep this future
    /// small.
    pub(crate) async fn authenticate_client(
        &self,
        presented: &Presented,
        source: IpAddr,
        rules: &AssertionRules<'_>,
    ) -> Result<AuthenticatedClient, Failure> {
        if let Some(assertion) = presented.assertion()? {
            let named = presented.client_id.as_deref();
            return Box::pin(self.authenticate_assertion((assertion, named), source, rules)).await;
        }
        let (client_id, secret) = presented.id_and_secret()?;
        let digests = self.pepper.digests(client_id, secret);
        if let Some(client) = self.memory.recall(client_id, &digests) {
            match self.judge(client, (&digests, source)) {
                // Answered by the same queries as a wrong secret, below.
                Err(unproved) if unproved.cause == ClientCause::Network => {}
                outcome => {
                    let client = outcome?;
                    self.rehash(&client, secret, &digests);
                    return self.confirmed(client).await;
                }
            }
        }
        let client = Box::pin(self.authenticate_by_database((client_id, secret), &digests, source)).await?;
        self.rehash(&client, secret, &digests);
        self.confirmed(client).await
    }

    async fn authenticate_by_database(
        &self,
        (client_id, secret): (Uuid, &str),
        digests: &[Digest],
        source: IpAddr,
    ) -> Result<AuthenticatedClient, Failure> {
        let attempt = Attempt::new(client_id, source, digests);
        self.throttle.admit(&attempt).map_err(Failure::Throttled)?;
        let outcome = match self.memory.find(client_id, digests).await? {
            Some(client) => self.judge(client, (digests, source)),
            None => Err(self.explain(client_id, secret, digests).await?),
        };
        if let Err(unproved) = &outcome
            && unproved.cause == ClientCause::Network
        {
            self.ask_as_for_a_wrong_secret(client_id).await?;
        }
        self.counted(&attempt, outcome)
    }

    /// Rehashes a secret that is stored under an earlier pepper with the active one, now that its value is known.
    /// With one pepper there is nothing to rehash, and no further MAC is computed.
    fn rehash(&self, client: &AuthenticatedClient, secret: &str, digests: &[Digest]) {
        if digests.len() < 2 {
            return;
        }
        let new = self.pepper.digest(client.client_id(), secret);
        let old = client.secret_digest().filter(|old| **old != new.1);
        if let Some(old) = old.copied() {
            let client_id = client.client_id();
            self.usage
                .record_rehash(client.credential_id(), Rehash { client_id, old, new });
        }
    }

    /// Records the first use of a rotated secret before it counts: from then on no retry of the rotation replaces it.
    async fn confirmed(&self, client: AuthenticatedClient) -> Result<AuthenticatedClient, Failure> {
        if client.awaits_first_use() {
            let which = (client.client_id(), client.credential_id());
            let now = self.clock.now().trunc_subsecs(3);
            if !Box::pin(self.store.confirm_first_use(which, now)).await? {
                return Err(ClientCause::WrongSecret.into());
            }
        }
        Ok(client)
    }

    /// Makes the same queries as for a wrong secret, so that timing does not reveal a right secret from a forbidden
    /// network.
    async fn ask_as_for_a_wrong_secret(&self, client_id: Uuid) -> Result<(), Failure> {
        let none = self.pepper.digests(client_id, "");
        self.memory.find(client_id, &none).await?;
        self.store.client_standing(client_id, none).await?;
        Ok(())
    }

    /// Authenticates a resource server.
    pub(crate) async fn authenticate_resource_server(
        &self,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<ResourceServer, Failure> {
        let (client_id, secret) = presented.id_and_secret()?;
        let digests = self.pepper.digests(client_id, secret);
        let attempt = Attempt::new(client_id, source, &digests);
        self.throttle.admit(&attempt).map_err(Failure::Throttled)?;
        let found = self
            .store
            .authenticate_resource_server(client_id, digests)
            .await?;
        if found.as_ref().is_some_and(|found| !found.1) {
            let new = self.pepper.digest(client_id, secret);
            self.store.renew_resource_server(client_id, new).await?;
        }
        let found = found.map(|found| found.0);
        self.counted(&attempt, found.ok_or(Unproved::of(ClientCause::WrongSecret)))
    }

    /// Passes the outcome on and counts it for the throttle; a failure over the limit becomes `Throttled`.
    pub(super) fn counted<T>(&self, attempt: &Attempt, outcome: Result<T, Unproved>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) => self.throttle.passed(attempt),
            Err(unproved) if unproved.cause.is_failed_authentication() => {
                let tries = unproved.tries;
                self.throttle.failed(attempt, tries).map_err(Failure::Throttled)?;
            }
            Err(_) => {}
        }
        outcome.map_err(Failure::from)
    }

    fn judge(
        &self,
        client: Arc<Client>,
        (digests, from): (&[Digest], IpAddr),
    ) -> Result<AuthenticatedClient, Unproved> {
        let now = self.clock.now();
        authentication::authenticate(client, digests, from, now).map_err(|refusal| match refusal {
            Refusal::Expired(secret_id) => {
                self.usage.record_expired(secret_id, now);
                Unproved::by(ClientCause::Expired, secret_id)
            }
            Refusal::Network(credential_id) => Unproved::by(ClientCause::Network, credential_id),
            Refusal::Suspended(credential_id) => {
                self.usage.record_suspended(credential_id, now);
                Unproved::by(ClientCause::Suspended, credential_id)
            }
            Refusal::NoMatch => Unproved::of(ClientCause::WrongSecret),
            Refusal::KeysOnly => Unproved::of(ClientCause::ProfileForbids),
        })
    }

    /// Why no secret authenticates, for the log, the refusal record and Entra's codes. The same queries whatever the
    /// cause; one more for a value that is, or was, a secret of the client.
    async fn explain(&self, client_id: Uuid, secret: &str, digests: &[Digest]) -> Result<Unproved, Failure> {
        let mut candidates = digests.to_vec();
        if let Some(inner) = inner(secret) {
            candidates.extend(self.pepper.digests(client_id, inner));
        }
        let standing = self.store.client_standing(client_id, candidates.clone()).await?;
        let is_secret_id = match parse_guid(secret) {
            Some(value) => self.store.is_secret_id(client_id, value).await?,
            None => false,
        };
        let matched = match standing.matches {
            true => self.store.matched_secret(client_id, candidates).await?,
            false => None,
        };
        Ok(Unproved {
            cause: match matched {
                _ if !standing.known => ClientCause::UnknownClient,
                _ if !standing.organisation_enabled => ClientCause::OrganisationDisabled,
                _ if !standing.enabled => ClientCause::Disabled,
                Some(secret) if secret.deleted => ClientCause::Deleted,
                Some(secret) if !digests.contains(&secret.digest) => ClientCause::SurroundedSecret,
                _ if is_secret_id => ClientCause::SecretId,
                _ => ClientCause::WrongSecret,
            },
            tries: 1,
            credential_id: matched.map(|secret| secret.id),
        })
    }
}

/// Why a client is not authenticated, and the credential whose possession it proved all the same.
pub(super) struct Unproved {
    pub(super) cause: ClientCause,
    /// How many signatures were checked, at least 1: the failure counts this many times.
    pub(super) tries: u32,
    pub(super) credential_id: Option<Uuid>,
}

impl Unproved {
    pub(super) fn of(cause: ClientCause) -> Self {
        Self {
            cause,
            tries: 1,
            credential_id: None,
        }
    }

    pub(super) fn by(cause: ClientCause, credential_id: Uuid) -> Self {
        Self {
            cause,
            tries: 1,
            credential_id: Some(credential_id),
        }
    }
}

impl From<Unproved> for Failure {
    fn from(
        Unproved {
            cause, credential_id, ..
        }: Unproved,
    ) -> Self {
        match credential_id {
            Some(id) => Self::OfCredential(cause, id),
            None => cause.into(),
        }
    }
}

/// The secret without surrounding characters that people copy along: white space, line ends, quotes, brackets. A
/// secret begins and ends with a letter or a digit. `None` where there are no such characters.
fn inner(secret: &str) -> Option<&str> {
    let inner = secret.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    (inner.len() < secret.len()).then_some(inner)
}
