//! State shared by all handlers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper, random::Uuids, resource::SigningAlgorithm};
use fetch::Fetcher;
use ipnet::IpNet;
use keystore::KeySet;
use quick_cache::sync::Cache;
use ring::rand::SecureRandom;
use store::{
    Store, memory::ClientMemory, refusals::RefusalRecorder, rotation::RotationRules, usage::UsageRecorder,
};

use crate::{
    client::{published::Published, throttle::Throttle},
    http::{changes::Changes, line_limit::AccessLogLimiter, request_id::RequestIds},
    metrics::Metrics,
};

/// How many signed status lists are cached, each for one lease at most.
const LISTS_REMEMBERED: usize = 64;

/// Settings from configuration.
pub struct Settings {
    /// The public origin, which is also the issuer; no slash at the end.
    pub public_url: String,
    /// The tenant id of the Entra routes.
    pub tenant_id: String,
    /// Aliases of the tenant, such as a domain.
    pub tenant_aliases: Vec<String>,
    /// The support address in error texts.
    pub support_address: String,
    /// Default token lifetime.
    pub token_lifetime_seconds: i64,
    /// Default signing algorithm.
    pub signing_algorithm: SigningAlgorithm,
    /// Whether DPoP proofs must repeat a nonce of this server (RFC 9449 §8).
    pub dpop_nonce_required: bool,
    /// Whether browsers come by TLS alone from now on (RFC 6797).
    pub strict_transport: bool,
    /// Proxies whose `X-Forwarded-For` or `Forwarded` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Rules for secret rotation.
    pub rotation: RotationRules,
    /// Rate limit and burst of failed authentications per source.
    pub failures: (u32, u32),
    /// Issuers whose federated identities are refused.
    pub refused_issuers: Vec<String>,
}

impl Settings {
    /// Whether a path segment names this server's tenant; GUIDs and domains are case-insensitive.
    pub(crate) fn is_own_tenant(&self, named: &str) -> bool {
        self.tenant_names().any(|name| name.eq_ignore_ascii_case(named))
    }

    /// The tenant id and its aliases, as configured.
    pub(crate) fn tenant_names(&self) -> impl Iterator<Item = &String> {
        [&self.tenant_id].into_iter().chain(&self.tenant_aliases)
    }
}

/// The dependencies of the token endpoint.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// This node's client cache.
    pub memory: Arc<ClientMemory>,
    /// Collects the usage of secrets.
    pub usage: Arc<UsageRecorder>,
    /// Collects refused requests.
    pub refusals: Arc<RefusalRecorder>,
    /// The signing keys, swapped as a whole.
    pub keys: Arc<ArcSwap<KeySet>>,
    /// The pepper: the HMAC key under which secrets are stored.
    pub pepper: Arc<Pepper>,
    /// Fetches the JWK Sets of clients and issuers.
    pub fetcher: Fetcher,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    /// The metrics.
    pub metrics: Metrics,
}

/// The state of the token endpoint.
pub struct TokenService {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) memory: Arc<ClientMemory>,
    pub(crate) usage: Arc<UsageRecorder>,
    pub(crate) refusals: Arc<RefusalRecorder>,
    pub(crate) keys: Arc<ArcSwap<KeySet>>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom + Send + Sync>,
    /// Generates `jti`.
    pub(crate) token_ids: Uuids,
    pub(crate) metrics: Metrics,
    pub(crate) throttle: Throttle,
    pub(crate) published: Published,
    pub(crate) changes: Arc<Changes>,
    pub(crate) access_log_limiter: AccessLogLimiter,
    pub(crate) request_ids: RequestIds,
    draining: AtomicBool,
    /// Signed status lists, by number and by the time slice (one lease long) in which they were made.
    pub(crate) status_lists: Cache<(i64, u128), String>,
    /// The first unused status index, by time slice.
    pub(crate) next_status_index: Cache<u128, i64>,
}

impl TokenService {
    /// Builds the state from its parts.
    pub fn new(settings: Settings, parts: Parts) -> Self {
        Self {
            throttle: Throttle::new(settings.failures),
            published: Published::new(
                parts.fetcher,
                settings.refused_issuers.clone(),
                Arc::clone(&parts.clock),
                parts.store.clone(),
            ),
            changes: Arc::default(),
            access_log_limiter: AccessLogLimiter::default(),
            request_ids: RequestIds::new(&*parts.random),
            token_ids: Uuids::new(Arc::clone(&parts.random)),
            draining: AtomicBool::default(),
            settings,
            store: parts.store,
            memory: parts.memory,
            usage: parts.usage,
            refusals: parts.refusals,
            keys: parts.keys,
            pepper: parts.pepper,
            clock: parts.clock,
            random: parts.random,
            metrics: parts.metrics,
            status_lists: Cache::new(LISTS_REMEMBERED),
            next_status_index: Cache::new(LISTS_REMEMBERED),
        }
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Starts draining: readiness fails so that balancers send no new requests; those that still come are answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many sources are throttled now.
    pub fn throttled_sources(&self) -> usize {
        self.throttle.sources_over()
    }

    /// Periodic clean-up of idle rate limiters.
    pub fn forget_idle_sources(&self) {
        self.throttle.forget_idle();
        self.access_log_limiter.forget_idle();
    }
}
