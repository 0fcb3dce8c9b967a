//! What every handler shares.

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
    http::{changes::Changes, line::Lines, request_id::RequestIds},
    metrics::Metrics,
};

/// How many signed lists are remembered, each at most for one lease.
const LISTS_REMEMBERED: usize = 64;

/// What configuration decides.
pub struct Settings {
    /// The public origin, also the issuer; no slash at the end.
    pub public_url: String,
    /// The tenant of the Entra routes.
    pub tenant_id: String,
    /// Further names of the tenant, such as a domain.
    pub tenant_aliases: Vec<String>,
    /// Whom errors name for help.
    pub support_address: String,
    /// Default token lifetime.
    pub token_lifetime_seconds: i64,
    /// Default signing algorithm.
    pub signing_algorithm: SigningAlgorithm,
    /// Whether DPoP proofs must repeat a nonce of this server (RFC 9449 §8).
    pub dpop_nonce_required: bool,
    /// Whether browsers come by TLS alone from now on (RFC 6797).
    pub strict_transport: bool,
    /// Whose `X-Forwarded-For` or `Forwarded` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How secrets are exchanged.
    pub rotation: RotationRules,
    /// Failures per second and source, and how many at once.
    pub failures: (u32, u32),
    /// Issuers of federated identities that count for nobody.
    pub refused_issuers: Vec<String>,
}

impl Settings {
    /// Whether a path names this server's tenant; a GUID and a domain fold case.
    pub(crate) fn is_own_tenant(&self, named: &str) -> bool {
        self.tenant_names().any(|name| name.eq_ignore_ascii_case(named))
    }

    /// Every name of the tenant, as configured.
    pub(crate) fn tenant_names(&self) -> impl Iterator<Item = &String> {
        [&self.tenant_id].into_iter().chain(&self.tenant_aliases)
    }
}

/// What the token endpoint works with.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clients that this node has seen.
    pub memory: Arc<ClientMemory>,
    /// Where the use of secrets is gathered.
    pub usage: Arc<UsageRecorder>,
    /// Where refusals are gathered.
    pub refusals: Arc<RefusalRecorder>,
    /// The signing keys, replaced as a whole.
    pub keys: Arc<ArcSwap<KeySet>>,
    /// The key under which secrets are stored.
    pub pepper: Arc<Pepper>,
    /// Reads the keys that others publish.
    pub fetcher: Fetcher,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    /// What operators measure.
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
    /// For `jti`.
    pub(crate) token_ids: Uuids,
    pub(crate) metrics: Metrics,
    pub(crate) throttle: Throttle,
    pub(crate) published: Published,
    pub(crate) changes: Changes,
    pub(crate) lines: Lines,
    pub(crate) request_ids: RequestIds,
    draining: AtomicBool,
    /// Signed status lists by number and by the slice of time, as long as a lease, in which they were made.
    pub(crate) status_lists: Cache<(i64, u128), String>,
    /// The first status index that no secret had, by slice.
    pub(crate) next_status_index: Cache<u128, i64>,
}

impl TokenService {
    /// Puts the parts together.
    pub fn new(settings: Settings, parts: Parts) -> Self {
        Self {
            throttle: Throttle::new(settings.failures),
            published: Published::new(
                parts.fetcher,
                settings.refused_issuers.clone(),
                Arc::clone(&parts.clock),
                parts.store.clone(),
            ),
            changes: Changes::default(),
            lines: Lines::default(),
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

    /// What operators measure.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The server is about to stop: balancers shall send nothing more, and what they send is answered all the same.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many sources fail too often now.
    pub fn throttled_sources(&self) -> usize {
        self.throttle.sources_over()
    }

    /// Housekeeping, called now and then.
    pub fn forget_idle_sources(&self) {
        self.throttle.forget_idle();
        self.lines.forget_idle();
    }
}
