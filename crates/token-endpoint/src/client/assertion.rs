//! Client authentication by assertion (RFC 7523): keys come from the client cache, replay of a `jti` is detected in
//! the database.

use std::{net::IpAddr, sync::Arc};

use domain::{
    assertion::{Assertion, UnreadableAssertion},
    authentication::{
        self, AssertionRefusal, AssertionRules, AuthenticatedClient, Refusal, VerifiedAssertion,
    },
    client::Client,
    digest::Digest,
    key_place::KeyPlace,
    resource::parse_guid,
};
use store::StoreError;
use uuid::Uuid;

use super::{authentication::Unproved, throttle::Attempt};
use crate::{
    refusal::{ClientCause, Failure},
    state::TokenService,
};

/// Purpose of the keyed digest under which the throttle counts a failed assertion.
const TRIED: &str = "tried assertion";

impl TokenService {
    /// Authenticates a client by its assertion. A key missing from the client cache may be new: the database is read,
    /// unless the source is throttled. Signature checks cost CPU time, so a throttled (client, source) gets none.
    pub(super) async fn authenticate_assertion(
        &self,
        (text, named): (&str, Option<&str>),
        source: IpAddr,
        rules: &AssertionRules<'_>,
    ) -> Result<AuthenticatedClient, Failure> {
        let assertion = Assertion::parse(text).map_err(unreadable)?;
        let client_id = whose(&assertion, named)?;
        let tried: Digest = self.pepper.tag(TRIED, text.as_bytes());
        let attempt = Attempt::new(client_id, source, &[tried]);
        if let Some(client) = self.memory.recall_known(client_id) {
            self.throttle.admit_check(&attempt).map_err(Failure::Throttled)?;
            let judged = self.judge_assertion(&client, &assertion, (rules, source)).await?;
            if !is_unknown(&judged) {
                return self.unless_replayed(self.counted(&attempt, judged)?).await;
            }
        }
        self.throttle.admit(&attempt).map_err(Failure::Throttled)?;
        let judged = match self.memory.read(client_id).await? {
            Some(client) => self.judge_assertion(&client, &assertion, (rules, source)).await?,
            None => Err(Unproved::of(self.explain_absent(client_id).await?)),
        };
        self.unless_replayed(self.counted(&attempt, judged)?).await
    }

    /// An error is ours: nothing is said of the assertion then.
    async fn judge_assertion(
        &self,
        client: &Arc<Client>,
        assertion: &Assertion<'_>,
        (rules, from): (&AssertionRules<'_>, IpAddr),
    ) -> Result<Result<VerifiedAssertion, Unproved>, StoreError> {
        let now = self.clock.now();
        if assertion.is_federated() && self.published.refuses(assertion.issuer()) {
            return Ok(Err(Unproved::of(ClientCause::UnknownIssuer)));
        }
        let published = self.published.keys_for(client, assertion).await?;
        let verified = authentication::verify_assertion(client, assertion, (rules, &published), (from, now));
        Ok(verified.map_err(|refusal| {
            match refusal {
                AssertionRefusal::NotNow(Refusal::Expired(id)) => self.usage.record_expired(id, now),
                AssertionRefusal::NotNow(Refusal::Suspended(id)) => self.usage.record_suspended(id, now),
                _ => {}
            }
            match refusal {
                AssertionRefusal::NotNow(
                    Refusal::Expired(id) | Refusal::Suspended(id) | Refusal::Network(id),
                ) => Unproved::by(cause(refusal), id),
                AssertionRefusal::Signature(tries) => Unproved {
                    tries,
                    ..Unproved::of(cause(refusal))
                },
                _ => Unproved::of(cause(refusal)),
            }
        }))
    }

    /// Replay protection (RFC 7523 §3): marks the assertion as used; only its first use authenticates.
    async fn unless_replayed(&self, verified: VerifiedAssertion) -> Result<AuthenticatedClient, Failure> {
        let is_first_use = match verified.replay_key {
            Some((digest, until)) => self.store.use_assertion(digest, until).await?,
            None => true,
        };
        Ok(verified.unless_replayed(is_first_use).map_err(cause)?)
    }

    /// Refreshes the JWK Sets that clients and issuers publish, in the background, and warns the managers before a
    /// cached set expires. Forgets sets that no credential refers to any more.
    ///
    /// # Errors
    /// When the database can't be read or written; the next run tries again.
    pub async fn read_published_keys(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let proofs = self.store.proved_by_keys(now).await?;
        let used = proofs.iter().filter_map(|(_, proof)| KeyPlace::of(proof));
        self.store.forget_published_keys(used.collect(), now).await?;
        for (credential_id, proof) in proofs {
            if self.published.are_missing(&proof).await? {
                self.store
                    .notify_unreachable_keys(credential_id, self.clock.now())
                    .await?;
            }
        }
        Ok(())
    }

    /// Why the database has no enabled client with this id.
    async fn explain_absent(&self, client_id: Uuid) -> Result<ClientCause, Failure> {
        let standing = self.store.client_standing(client_id, Vec::new()).await?;
        Ok(match standing {
            standing if !standing.known => ClientCause::UnknownClient,
            standing if !standing.organisation_enabled => ClientCause::OrganisationDisabled,
            standing if !standing.enabled => ClientCause::Disabled,
            _ => ClientCause::UnknownClient,
        })
    }
}

/// The client id that an assertion is for: its own `sub`, or the request's `client_id` for a federated token.
fn whose(assertion: &Assertion<'_>, named: Option<&str>) -> Result<Uuid, ClientCause> {
    if !assertion.is_federated() {
        return assertion
            .own_client_id(named)
            .ok_or(ClientCause::AssertionSubject);
    }
    let named = named.ok_or(ClientCause::NoClient)?;
    Ok(parse_guid(named).unwrap_or(Uuid::nil()))
}

/// Whether a newer copy of the client could turn this refusal into success, so that the database is worth a read.
fn is_unknown(judged: &Result<VerifiedAssertion, Unproved>) -> bool {
    judged.as_ref().is_err_and(|unproved| {
        matches!(
            unproved.cause,
            ClientCause::UnknownKey
                | ClientCause::AssertionSignature
                | ClientCause::UnknownIssuer
                | ClientCause::UnknownSubject
                | ClientCause::UnknownAudience
        )
    })
}

fn unreadable(error: UnreadableAssertion) -> ClientCause {
    match error {
        UnreadableAssertion::Algorithm => ClientCause::AssertionAlgorithm,
        UnreadableAssertion::Malformed | UnreadableAssertion::Type => ClientCause::MalformedAssertion,
    }
}

fn cause(refusal: AssertionRefusal) -> ClientCause {
    match refusal {
        AssertionRefusal::UnknownKey => ClientCause::UnknownKey,
        AssertionRefusal::Signature(_) => ClientCause::AssertionSignature,
        AssertionRefusal::UnknownIssuer => ClientCause::UnknownIssuer,
        AssertionRefusal::UnknownSubject => ClientCause::UnknownSubject,
        AssertionRefusal::UnknownAudience => ClientCause::UnknownAudience,
        AssertionRefusal::NotNow(Refusal::Suspended(_)) => ClientCause::Suspended,
        AssertionRefusal::NotNow(Refusal::Network(_)) => ClientCause::Network,
        AssertionRefusal::NotNow(_) => ClientCause::KeyExpired,
        AssertionRefusal::Audience => ClientCause::AssertionAudience,
        AssertionRefusal::Past => ClientCause::AssertionPast,
        AssertionRefusal::Times => ClientCause::AssertionTimes,
        AssertionRefusal::NoId => ClientCause::AssertionId,
        AssertionRefusal::Replayed => ClientCause::AssertionReplayed,
        AssertionRefusal::Profile => ClientCause::ProfileForbids,
    }
}
