//! Background tasks: the poll that renews the lease, flushes of usage and refusals, and clean-up.

use std::{io, sync::Arc, time::Duration};

use actix_web::web;
use domain::Clock;
use management::Management;
use store::{Store, StoreError, memory::ClientMemory, refusals::RefusalRecorder, usage::UsageRecorder};
use token_endpoint::TokenService;
use tokio::signal::unix::{SignalKind, signal};

use crate::{log_writer::LogWriter, logging, outage::Outage, tls::Served};

/// Interval of deleting expired replay records.
const FORGET_EVERY: Duration = Duration::from_secs(30);
/// Time limit of the last flush at shutdown.
const LAST_FLUSH: Duration = Duration::from_secs(5);
const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// The last flush of usage; shutdown does not wait longer for a database that hangs.
pub async fn write_last_use(usage: &UsageRecorder, store: &Store) {
    match tokio::time::timeout(LAST_FLUSH, usage.flush(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::error!("the last use of secrets could not be written and is lost: {error}"),
        Err(_) => log::error!("the last use of secrets could not be written in time and may be lost"),
    }
}

/// The last flush of refusals, after that of usage, which matters more.
pub async fn write_last_refusals(refusals: &RefusalRecorder, store: &Store) {
    let written = tokio::time::timeout(LAST_FLUSH, refusals.flush(store)).await;
    if !matches!(written, Ok(Ok(()))) {
        log::warn!("the last refusals could not be written and are missing in the record");
    }
}

/// Flushes refusals soon, as somebody may be searching for one.
pub fn spawn_refusal_record(refusals: Arc<RefusalRecorder>, store: Store) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match refusals.flush(&store).await {
                // Another node inserted the same row concurrently: the next flush will update it.
                Err(StoreError::Conflict) => {}
                outcome => outage.note(outcome.err(), "told of refusals"),
            }
        }
    });
}

/// Processes reports of leaked secrets.
pub fn spawn_leak_reports(management: web::Data<Management>) {
    actix_web::rt::spawn(async move { management.look_into_leak_reports().await });
}

/// Logs how many log lines were dropped.
pub fn spawn_log_watch(log: &LogWriter, service: web::Data<TokenService>) {
    let lost = log.lost();
    actix_web::rt::spawn(async move {
        let metrics = service.metrics();
        let left_out = || metrics.lines_left_out();
        logging::watch(lost, left_out, |lines| metrics.lost_lines(lines)).await;
    });
}

/// Deletes replay records of client assertions and DPoP proofs that have expired.
pub fn spawn_forgetting(store: Store, clock: Arc<dyn Clock>) {
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            if let Err(error) = store.forget_used_assertions(clock.now()).await {
                log::warn!("used client assertions and proofs could not be forgotten now: {error}");
            }
        }
    });
}

/// Interval of fetching published keys without requests for tokens.
const READ_KEYS_EVERY: Duration = Duration::from_secs(3600);
/// The same after a database failure.
const READ_KEYS_AGAIN: Duration = Duration::from_secs(10);

/// Fetches published keys.
pub fn spawn_published_keys(service: web::Data<TokenService>) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            let outcome = service.read_published_keys().await;
            let pause = match outcome {
                Ok(()) => READ_KEYS_EVERY,
                Err(_) => READ_KEYS_AGAIN,
            };
            outage.note(outcome.err(), "asked for published keys");
            tokio::time::sleep(pause).await;
        }
    });
}

/// Polls to renew this node's lease.
pub fn spawn_poller(memory: Arc<ClientMemory>, every: Duration) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            outage.note(memory.poll().await.err(), "polled");
            tokio::time::sleep(every).await;
        }
    });
}

/// Flushes usage, and drops idle rate limiters.
pub fn spawn_housekeeping(
    service: web::Data<TokenService>,
    (usage, refusals): (Arc<UsageRecorder>, Arc<RefusalRecorder>),
    store: Store,
) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            tokio::time::sleep(FLUSH_EVERY).await;
            service.forget_idle_sources();
            // Refusals are flushed first: the mail about an expired secret in use also names its source.
            let told = refusals.flush(&store).await;
            let flushed = usage.flush(&store).await;
            if flushed.is_err() {
                service.metrics().flush_failed();
            }
            outage.note(flushed.and(told).err(), "told of the use of secrets");
        }
    });
}

/// Interval of checking files for changes.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// Handles SIGHUP, which no longer ends the process but checks the certificate at once. A renewed one needs no
/// restart; signing keys are checked all the time.
pub fn spawn_hangup(served: Option<Arc<Served>>, clock: Arc<dyn Clock>) -> io::Result<()> {
    let mut signals = signal(SignalKind::hangup())?;
    actix_web::rt::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
                _ = signals.recv() => log::info!("SIGHUP: looking for a new TLS certificate; new signing keys are found by themselves"),
            }
            if let Some(served) = &served {
                served.refresh(&*clock);
            }
        }
    });
    Ok(())
}
