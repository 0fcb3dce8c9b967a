//! What start-up has loaded, and the parts of the server share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper};
use keystore::{KeyFolder, KeySet};
use management::openid::OpenIdSettings;
use store::{Store, memory::ClientMemory, refusals::RefusalRecorder, usage::UsageRecorder};

use crate::{demo::api::Api, keyring::Keyring, tls::Served};

/// What start-up has loaded.
pub struct Prepared {
    pub store: Store,
    pub memory: Arc<ClientMemory>,
    pub pepper: Arc<Pepper>,
    /// Swapped as a whole when the folder changes.
    pub keys: Arc<ArcSwap<KeySet>>,
    /// In a demo, the folder for keys of further algorithms; elsewhere keys are never generated implicitly, as other
    /// nodes would lack them.
    pub makes_keys: Option<KeyFolder>,
    /// The demo's resource server.
    pub demo_api: Option<Api>,
    /// Keeps `keys` in sync with folder and database, once the server runs.
    pub keyring: Option<Keyring>,
    pub usage: Arc<UsageRecorder>,
    pub refusals: Arc<RefusalRecorder>,
    pub clock: Arc<dyn Clock>,
    pub tls: Option<Arc<Served>>,
    pub openid: Option<OpenIdSettings>,
}
