//! Client authentication by secret: memory first, then, unless the source has failed too often, the database.

use std::{net::IpAddr, sync::Arc};

use chrono::SubsecRound;
use domain::{
    authentication::{self, AuthenticatedClient, Refusal},
    client::Client,
    pepper::Digest,
    resource::parse_guid,
    resource_server::ResourceServer,
};
use store::usage::Renewal;
use uuid::Uuid;

use super::{presented::Presented, throttle::Attempt};
use crate::{
    refusal::{ClientCause, Failure},
    state::TokenService,
};

impl TokenService {
    /// Checks the credentials of a client. Failures are counted, successes never refused.
    pub(crate) async fn authenticate_client(
        &self,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<AuthenticatedClient, Failure> {
        let (client_id, secret) = presented.id_and_secret()?;
        let digests = self.pepper.digests(client_id, secret);
        if let Some(client) = self.memory.recall(client_id, &digests) {
            let client = self.judge(client, &digests)?;
            self.renew(&client, secret);
            return self.confirmed(client).await;
        }
        let attempt = Attempt::new(client_id, source, &digests);
        self.throttle.admit(&attempt).map_err(Failure::Throttled)?;
        let outcome = match self.memory.find(client_id, &digests).await? {
            Some(client) => self.judge(client, &digests),
            None => Err(self.explain(client_id, secret).await?),
        };
        let client = self.counted(&attempt, outcome)?;
        self.renew(&client, secret);
        self.confirmed(client).await
    }

    /// A secret that is stored under an earlier version of the pepper is stored under the active one, now that it is known.
    fn renew(&self, client: &AuthenticatedClient, secret: &str) {
        let new = self.pepper.digest(client.client_id(), secret);
        let old = client.secret_digest().filter(|old| **old != new.1);
        if let Some(old) = old.copied() {
            let client_id = client.client_id();
            self.usage
                .renew(client.credential_id(), Renewal { client_id, old, new });
        }
    }

    /// The first use of a secret that an exchange made is written down before it counts: from then on no repetition of that
    /// exchange replaces it.
    async fn confirmed(&self, client: AuthenticatedClient) -> Result<AuthenticatedClient, Failure> {
        if client.awaits_first_use() {
            let which = (client.client_id(), client.credential_id());
            let now = self.clock.now().trunc_subsecs(3);
            if !self.store.confirm_first_use(which, now).await? {
                return Err(ClientCause::WrongSecret.into());
            }
        }
        Ok(client)
    }

    /// Checks the credentials of a resource server.
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
        self.counted(&attempt, found.ok_or(ClientCause::WrongSecret))
    }

    /// Lets the outcome of a query pass, unless it is one failure too many of this client or source.
    fn counted<T>(&self, attempt: &Attempt, outcome: Result<T, ClientCause>) -> Result<T, Failure> {
        match outcome {
            Ok(_) => self.throttle.passed(attempt),
            Err(cause) if cause.is_failed_authentication() => {
                self.throttle.failed(attempt).map_err(Failure::Throttled)?;
            }
            Err(_) => {}
        }
        outcome.map_err(Failure::from)
    }

    fn judge(&self, client: Arc<Client>, digests: &[Digest]) -> Result<AuthenticatedClient, ClientCause> {
        let now = self.clock.now();
        authentication::authenticate(client, digests, now).map_err(|refusal| match refusal {
            Refusal::Expired(secret_id) => {
                self.usage.record_expired(secret_id, now);
                ClientCause::Expired
            }
            Refusal::Suspended(credential_id) => {
                self.usage.record_suspended(credential_id, now);
                ClientCause::Suspended
            }
            Refusal::NoMatch => ClientCause::WrongSecret,
        })
    }

    /// Why no secret matches, for the log and for Entra's codes. The same queries whatever the reason.
    async fn explain(&self, client_id: Uuid, secret: &str) -> Result<ClientCause, Failure> {
        let enabled = self.store.application_enabled(client_id).await?;
        let is_secret_id = match parse_guid(secret) {
            Some(value) => self.store.is_secret_id(client_id, value).await?,
            None => false,
        };
        Ok(match enabled {
            None => ClientCause::UnknownClient,
            Some(false) => ClientCause::Disabled,
            Some(true) if is_secret_id => ClientCause::SecretId,
            Some(true) => ClientCause::WrongSecret,
        })
    }
}
