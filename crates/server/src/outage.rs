//! A node's heartbeats, and logging of database outages: one line when one begins, and one when it ends.

use std::sync::Arc;

use store::{
    StoreError,
    memory::{ClientMemory, HEARTBEAT_EVERY},
};

use crate::database::{clock_warning, standbys_warning};

/// Sends this node's heartbeats, and warns about replication and clock skew.
pub fn spawn_heartbeats(memory: Arc<ClientMemory>) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        let mut told = [None, None];
        loop {
            let outcome = memory.heartbeat().await;
            if outcome.is_ok() {
                tell_news(
                    &mut told[0],
                    standbys_warning(memory.standbys()),
                    "no standby is asynchronous any more",
                );
                tell_news(
                    &mut told[1],
                    clock_warning(memory.clock_ahead()),
                    "the clock is right again",
                );
            }
            outage.note(outcome.err(), "written to");
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    });
}

/// Logs a warning once, and its end.
fn tell_news(told: &mut Option<String>, now: Option<String>, over: &str) {
    match (&told, &now) {
        (None, Some(warning)) => log::warn!("{warning}"),
        (Some(_), None) => log::info!("{over}"),
        _ => {}
    }
    *told = now;
}

/// Consecutive failures of one kind: the first is logged, and their number when they end.
#[derive(Default)]
pub struct Outage(u64);

impl Outage {
    /// Records the outcome of an attempt.
    pub fn note(&mut self, error: Option<StoreError>, what: &str) {
        match (error, self.0) {
            (Some(error), failures) => {
                if failures == 0 {
                    log::error!("the database can't be {what}: {error}");
                }
                self.0 = failures + 1;
            }
            (None, 0) => {}
            (None, failures) => {
                log::info!("the database can be {what} again, after {failures} failures");
                self.0 = 0;
            }
        }
    }
}
