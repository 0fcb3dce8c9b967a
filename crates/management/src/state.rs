//! State shared by all operations.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    Clock,
    audit::{Entry, Event, Outcome},
    audit_action::AuditAction,
    expiry::Lifetimes,
    pepper::Pepper,
    resource::SigningAlgorithm,
};
use ring::rand::SecureRandom;
use store::{Store, client_secrets::SecretLimits, memory::ClientMemory, refusals::RefusalRecorder};
use tokio::sync::Semaphore;

use crate::{
    http::problem::Problem,
    leak_reports::queue::LeakReports,
    rate_limit::ChangeLimiter,
    sign_in::{openid::provider::Provider, refusals::Refusals, turns::Turns},
};

/// Limit of concurrent password hashes: each takes 19 MiB and some tens of milliseconds.
pub(crate) const HASHES_AT_ONCE: usize = 2;

/// Settings from configuration.
pub struct Settings {
    /// The public origin, without a slash at the end.
    pub public_url: String,
    /// How long a secret may live.
    pub lifetimes: Lifetimes,
    /// Limits of an application's secrets.
    pub secrets: SecretLimits,
    /// The default token lifetime.
    pub token_lifetime_seconds: i64,
    /// Failed sign-ins allowed per account in 15 minutes.
    pub login_failures: i64,
    /// The WMDA team's address, notified when an account is locked out.
    pub support_address: Option<String>,
    /// Whether webhooks may point to private networks, and by http to this machine.
    pub allow_private_webhooks: bool,
    /// Issuers whose federated identities can't be registered.
    pub refused_issuers: Vec<String>,
}

/// Whether tokens can be signed with an algorithm; the error gives the remedy.
pub type SigningCheck = Box<dyn Fn(SigningAlgorithm) -> Result<(), String> + Send + Sync>;

/// Explains a refusal's cause: what was wrong, and the remedy.
pub type Explanations = fn(&str) -> Option<(&'static str, &'static str)>;

/// The state of the management API.
pub struct Management {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) memory: Arc<ClientMemory>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom + Send + Sync>,
    pub(crate) hashes: Arc<Semaphore>,
    pub(crate) refusals: Refusals,
    pub(crate) turns: Turns,
    /// For requests to the OpenID provider.
    pub(crate) openid_turns: Turns,
    /// For files that are built in memory before they are sent.
    pub(crate) file_turns: Turns,
    pub(crate) change_limiter: ChangeLimiter,
    pub(crate) leak_reports: LeakReports,
    pub(crate) provider: Option<Provider>,
    pub(crate) refused_requests: Option<Arc<RefusalRecorder>>,
    pub(crate) explanations: Option<Explanations>,
    signing: Option<SigningCheck>,
}

impl Management {
    /// Builds the state from its parts.
    pub fn new(
        settings: Settings,
        store: Store,
        memory: Arc<ClientMemory>,
        pepper: Arc<Pepper>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Self {
        Self {
            settings,
            store,
            memory,
            pepper,
            clock,
            random,
            hashes: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            refusals: Refusals::default(),
            turns: Turns::default(),
            openid_turns: Turns::default(),
            file_turns: Turns::default(),
            change_limiter: ChangeLimiter::default(),
            leak_reports: LeakReports::default(),
            provider: None,
            refused_requests: None,
            explanations: None,
            signing: None,
        }
    }

    /// Sets the check for a resource's signing algorithm.
    pub fn with_signing_check(self, check: SigningCheck) -> Self {
        Self {
            signing: Some(check),
            ..self
        }
    }

    /// Sets the explanations of refusals.
    pub fn with_explanations(self, explanations: Explanations) -> Self {
        Self {
            explanations: Some(explanations),
            ..self
        }
    }

    /// Includes refusals of this node that are not flushed yet.
    pub fn with_refusals(self, recorder: Arc<RefusalRecorder>) -> Self {
        Self {
            refused_requests: Some(recorder),
            ..self
        }
    }

    /// Refuses a signing algorithm for which there is no key.
    pub(crate) fn can_sign(&self, algorithm: Option<SigningAlgorithm>) -> Result<(), Problem> {
        let checked = self.signing.as_ref().zip(algorithm);
        checked.map_or(Ok(()), |(check, algorithm)| {
            check(algorithm).map_err(Problem::Conflict)
        })
    }

    /// The current time, truncated to what both databases store.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(3)
    }

    pub(crate) fn entry(
        &self,
        (actor, source): (&str, &str),
        action: AuditAction,
        object: impl Into<String>,
        outcome: Outcome,
    ) -> Entry {
        let event = Event {
            at: self.now(),
            actor: actor.to_owned(),
            action: action.to_string(),
            object: object.into(),
            source: source.to_owned(),
            outcome: outcome.to_string(),
        };
        let key = Arc::new(self.pepper.current_audit_key());
        Entry { event, key }
    }

    pub(crate) fn uuid(&self) -> Result<uuid::Uuid, Problem> {
        Ok(domain::random::uuid(&*self.random)?)
    }
}
