//! What every operation shares.

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
    leak_reports::LeakReports,
    pace::Pace,
    sign_in::{openid::provider::Provider, refusals::Refusals, turns::Turns},
};

/// How many passwords are hashed at once: each takes 19 MiB and some tens of milliseconds.
pub(crate) const HASHES_AT_ONCE: usize = 2;

/// What configuration decides.
pub struct Settings {
    /// The public origin, no slash at the end.
    pub public_url: String,
    /// How long a secret may live.
    pub lifetimes: Lifetimes,
    /// How many secrets an application may have.
    pub secrets: SecretLimits,
    /// How long tokens live where their resource says nothing else.
    pub token_lifetime_seconds: i64,
    /// How many sign-ins may fail per account in 15 minutes.
    pub login_failures: i64,
    /// The WMDA team, who is told when sign-ins to an account fail too often.
    pub support_address: Option<String>,
    /// Whether webhooks may point to private networks, and to this machine by plain http.
    pub allow_private_webhooks: bool,
    /// Issuers of federated identities that nobody may register.
    pub refused_issuers: Vec<String>,
}

/// Whether tokens can be signed with an algorithm; else what to do about it.
pub type SigningCheck = Box<dyn Fn(SigningAlgorithm) -> Result<(), String> + Send + Sync>;

/// What the record says of a cause of refusal: what was wrong, and what to do.
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
    /// Of questions to the OpenID provider.
    pub(crate) openid_turns: Turns,
    /// Of files that are made whole before they are sent.
    pub(crate) file_turns: Turns,
    pub(crate) pace: Pace,
    pub(crate) leak_reports: LeakReports,
    pub(crate) provider: Option<Provider>,
    pub(crate) refused_requests: Option<Arc<RefusalRecorder>>,
    pub(crate) explanations: Option<Explanations>,
    signing: Option<SigningCheck>,
}

impl Management {
    /// Puts the parts together.
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
            pace: Pace::default(),
            leak_reports: LeakReports::default(),
            provider: None,
            refused_requests: None,
            explanations: None,
            signing: None,
        }
    }

    /// Asks before a resource gets an algorithm of its own.
    pub fn with_signing_check(self, check: SigningCheck) -> Self {
        Self {
            signing: Some(check),
            ..self
        }
    }

    /// Explains refusals in these words.
    pub fn with_explanations(self, explanations: Explanations) -> Self {
        Self {
            explanations: Some(explanations),
            ..self
        }
    }

    /// Shows what this node has refused and not yet written.
    pub fn with_refusals(self, recorder: Arc<RefusalRecorder>) -> Self {
        Self {
            refused_requests: Some(recorder),
            ..self
        }
    }

    /// Refuses an algorithm that no token could be signed with.
    pub(crate) fn can_sign(&self, algorithm: Option<SigningAlgorithm>) -> Result<(), Problem> {
        let checked = self.signing.as_ref().zip(algorithm);
        checked.map_or(Ok(()), |(check, algorithm)| {
            check(algorithm).map_err(Problem::Conflict)
        })
    }

    /// Now, as both databases keep it.
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
