//! Checks that this server can sign with an algorithm before a resource is set to it.

use std::sync::Arc;

use keystore::Algorithm;
use management::SigningCheck;

use crate::{Outcome, prepared::Prepared};

/// Reports a missing key; a demo generates it instead.
pub fn check(prepared: &Prepared) -> SigningCheck {
    let (keys, clock) = (Arc::clone(&prepared.keys), Arc::clone(&prepared.clock));
    let folder = prepared.makes_keys.clone();
    let make = move |algorithm: Algorithm| -> Outcome<()> {
        let now = clock.now();
        if keys.load().active(algorithm, now).is_some() {
            return Ok(());
        }
        let folder = folder.as_ref().ok_or_else(|| {
            format!(
                "no {algorithm} key is active: run `wmda-auth keys generate --algorithm {algorithm}`, give every node the file, \
                 and try again after five seconds"
            )
        })?;
        folder.generate_missing(&[algorithm], now)?;
        keys.store(Arc::new(folder.reload(&keys.load())?));
        Ok(())
    };
    Box::new(move |algorithm| make(algorithm).map_err(|problem| problem.to_string()))
}
