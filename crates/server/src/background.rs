//! What goes on beside requests: the poll that renews the lease, and gathered use.

use std::{io, sync::Arc, time::Duration};

use actix_web::web;
use domain::Clock;
use management::Management;
use store::{Store, StoreError, memory::ClientMemory, refusals::RefusalRecorder, usage::UsageRecorder};
use token_endpoint::TokenService;
use tokio::signal::unix::{SignalKind, signal};

use crate::{log_writer::LogWriter, logging, outage::Outage, tls::Served};

/// How often past client assertions are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(30);
/// How long the end of the server waits for the last use to be written.
const LAST_FLUSH: Duration = Duration::from_secs(5);
const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// The server ends in any case: a database that hangs can't hold it.
pub async fn write_last_use(usage: &UsageRecorder, store: &Store) {
    match tokio::time::timeout(LAST_FLUSH, usage.flush(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::error!("the last use of secrets could not be written and is lost: {error}"),
        Err(_) => log::error!("the last use of secrets could not be written in time and may be lost"),
    }
}

/// As above; a refusal that is missing is missed less than a use.
pub async fn write_last_refusals(refusals: &RefusalRecorder, store: &Store) {
    let written = tokio::time::timeout(LAST_FLUSH, refusals.flush(store)).await;
    if !matches!(written, Ok(Ok(()))) {
        log::warn!("the last refusals could not be written and are missing in the record");
    }
}

/// Writes refusals soon: somebody may be looking for one.
pub fn spawn_refusal_record(refusals: Arc<RefusalRecorder>, store: Store) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match refusals.flush(&store).await {
                // Another node began the same row at this moment: next time it is there to be added to.
                Err(StoreError::Conflict) => {}
                outcome => outage.note(outcome.err(), "told of refusals"),
            }
        }
    });
}

/// Looks into reports of leaked secrets.
pub fn spawn_leak_reports(management: web::Data<Management>) {
    actix_web::rt::spawn(async move { management.look_into_leak_reports().await });
}

/// Tells what is missing in the log.
pub fn spawn_log_watch(log: &LogWriter, service: web::Data<TokenService>) {
    let lost = log.lost();
    actix_web::rt::spawn(async move {
        let metrics = service.metrics();
        let left_out = || metrics.lines_left_out();
        logging::watch(lost, left_out, |lines| metrics.lost_lines(lines)).await;
    });
}

/// Forgets client assertions and DPoP proofs that could not be used again in any case.
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

/// How often keys that others publish are read, though nobody asks for tokens.
const READ_KEYS_EVERY: Duration = Duration::from_secs(3600);
/// The same, after the database failed.
const READ_KEYS_AGAIN: Duration = Duration::from_secs(10);

/// Reads the keys that others publish.
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

/// Renews the lease of this node.
pub fn spawn_poller(memory: Arc<ClientMemory>, every: Duration) {
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            outage.note(memory.poll().await.err(), "polled");
            tokio::time::sleep(every).await;
        }
    });
}

/// Writes the use of secrets, and forgets sources that have been quiet.
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
            // From where an expired secret is tried is written down before that it is: a mail tells both.
            let told = refusals.flush(&store).await;
            let flushed = usage.flush(&store).await;
            if flushed.is_err() {
                service.metrics().flush_failed();
            }
            outage.note(flushed.and(told).err(), "told of the use of secrets");
        }
    });
}

/// How often files are looked at that may change.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// From now on SIGHUP ends nothing: it asks for a look at the certificate at once. A renewed one is used without a restart;
/// signing keys are looked for all the time.
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
