//! Waiting for the database at start-up: in a cluster that starts as a whole, the server is often first.

use std::{thread, time::Duration};

use domain::Clock;
use store::StoreError;

/// Interval of attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Retries while the database is unreachable, for `patience` at most; logs that once.
pub fn until_reachable<T>(
    clock: &dyn Clock,
    patience: Duration,
    open: impl Fn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let began = clock.monotonic();
    let mut told = false;
    loop {
        let waited = clock.monotonic().saturating_sub(began);
        match open() {
            Err(StoreError::Unreachable(error)) if waited < patience => {
                if !told {
                    log::warn!(
                        "waiting for the database, {} s at most (server.start_wait_seconds): {error}",
                        patience.as_secs()
                    );
                }
                told = true;
                thread::sleep(PAUSE.min(patience - waited));
            }
            outcome => {
                if told && outcome.is_ok() {
                    log::info!("the database answers after {} s", waited.as_secs());
                }
                return outcome;
            }
        }
    }
}
