//! What every handler shares.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper, resource::SigningAlgorithm};
use ipnet::IpNet;
use keystore::KeySet;
use quick_cache::sync::Cache;
use ring::rand::SecureRandom;
use store::{Store, memory::ClientMemory, usage::UsageRecorder};

use crate::{status_list::LISTS_REMEMBERED, throttle::Throttle};

/// What configuration decides.
pub struct Settings {
    /// The public origin, also the issuer; no slash at the end.
    pub public_url: String,
    /// The tenant of the Entra routes.
    pub tenant_id: String,
    /// Default token lifetime.
    pub token_lifetime_seconds: i64,
    /// Default signing algorithm.
    pub signing_algorithm: SigningAlgorithm,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Failures per second and source, and how many at once.
    pub failures: (u32, u32),
}

/// The state of the token endpoint.
pub struct TokenService {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) memory: Arc<ClientMemory>,
    pub(crate) usage: Arc<UsageRecorder>,
    pub(crate) keys: Arc<ArcSwap<KeySet>>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom + Send + Sync>,
    pub(crate) throttle: Throttle<IpAddr>,
    /// Signed status lists by number and second.
    pub(crate) status_lists: Cache<(i64, u64), String>,
}

impl TokenService {
    /// Puts the parts together.
    #[expect(clippy::too_many_arguments, reason = "the wiring of the server, called once")]
    pub fn new(
        settings: Settings,
        store: Store,
        memory: Arc<ClientMemory>,
        usage: Arc<UsageRecorder>,
        keys: Arc<ArcSwap<KeySet>>,
        pepper: Arc<Pepper>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Self {
        let throttle = Throttle::new(settings.failures);
        Self {
            settings,
            store,
            memory,
            usage,
            keys,
            pepper,
            clock,
            random,
            throttle,
            status_lists: Cache::new(LISTS_REMEMBERED),
        }
    }
}
