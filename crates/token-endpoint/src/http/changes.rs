//! A request that changes state runs to completion even if the client disconnects: it is a task of its own. The
//! number of such tasks per source is limited.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::Method;
use domain::source::network;

use super::paths::{TENANT_TOKEN, TENANT_TOKEN_V2, TOKEN};

/// The most concurrent changes per source. Each takes a few database turns, so that this is some seconds of work.
const AT_ONCE: usize = 128;

/// POST routes that change no state, or none before their answer.
const ASKING: [&str; 5] = [
    TOKEN,
    TENANT_TOKEN,
    TENANT_TOKEN_V2,
    "/oauth2/introspect",
    "/credentials/report",
];

/// Whether a request may change state.
pub(crate) fn is_change(method: &Method, route: &str) -> bool {
    !method.is_safe() && !ASKING.contains(&route)
}

/// Running changes, by source.
#[derive(Default)]
pub(crate) struct Changes(Mutex<HashMap<IpAddr, usize>>);

impl Changes {
    /// No code panics while it holds this lock, so poisoning is ignored.
    fn running(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running change; counted until it is dropped.
pub(crate) struct Change {
    all: Arc<Changes>,
    source: IpAddr,
}

impl Change {
    /// `None` when the source has reached its limit.
    pub(crate) fn begin(all: &Arc<Changes>, source: IpAddr) -> Option<Self> {
        let source = network(source);
        let mut running = all.running();
        let own = running.entry(source).or_default();
        (*own < AT_ONCE).then(|| {
            *own += 1;
            Self {
                all: Arc::clone(all),
                source,
            }
        })
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let mut running = self.all.running();
        if let Some(own) = running.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                running.remove(&self.source);
            }
        }
    }
}
