//! Metrics of signing key rotation, and of the TLS certificate's expiry.

use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::Clock;
use keystore::{KeySet, KeyState};
use prometheus::{
    IntGaugeVec, Opts, Registry, register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use super::Look;
use crate::{Outcome, tls::Served};

/// The expiry of the certificate in `server.tls_cert`.
pub fn look_at_certificate(registry: &Registry, served: Arc<Served>) -> Outcome<Look> {
    let expiry = register_int_gauge_with_registry!(
        "wmda_auth_tls_certificate_expiry_timestamp_seconds",
        "When clients begin to refuse the certificate of server.tls_cert, since 1970.",
        registry
    )?;
    Ok(Box::new(move || expiry.set(served.not_after().timestamp())))
}

/// The activation times of signing keys.
pub fn look(registry: &Registry, keys: &Arc<ArcSwap<KeySet>>, clock: &Arc<dyn Clock>) -> Outcome<Look> {
    let gauges = |name: &str, help: &str| {
        register_int_gauge_vec_with_registry!(Opts::new(name, help), &["algorithm"], registry)
    };
    let active = gauges(
        "wmda_auth_signing_key_activation_timestamp_seconds",
        "Since when the key that signs has done so, since 1970.",
    )?;
    let next = gauges(
        "wmda_auth_signing_key_next_activation_timestamp_seconds",
        "When the next key begins to sign, since 1970; absent where none is published.",
    )?;
    let (keys, clock) = (Arc::clone(keys), Arc::clone(clock));
    Ok(Box::new(move || show(&keys.load(), &*clock, (&active, &next))))
}

fn show(keys: &KeySet, clock: &dyn Clock, (active, next): (&IntGaugeVec, &IntGaugeVec)) {
    active.reset();
    next.reset();
    for (key, state) in keys.states(clock.now()) {
        let gauge = match state {
            KeyState::Active => active,
            KeyState::Published => next,
            KeyState::Retiring | KeyState::Removed => continue,
        };
        let gauge = gauge.with_label_values(&[key.algorithm.name()]);
        // Of several published keys, the first one is next.
        if gauge.get() == 0 {
            gauge.set(key.activates_at.timestamp());
        }
    }
}
