//! Metrics of the database connection, and row counts for operators.

use std::{sync::Arc, time::Duration};

use domain::Clock;
use prometheus::{
    Counter, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    register_counter_with_registry, register_gauge_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};
use store::{
    Counted, Store,
    figures::{Figures, Outbox},
    memory::ClientMemory,
};

use super::Look;
use crate::Outcome;

/// Interval of counting rows, on every node.
const BETWEEN_COUNTS: Duration = Duration::from_secs(30);
/// Labels for time to expiry, in the order of [`Figures::secrets`].
const LEFT: [&str; 5] = ["expired", "7_days", "30_days", "90_days", "more"];

/// Gauges of the pool and the lease.
pub fn look(registry: &Registry, store: &Store, memory: &Arc<ClientMemory>) -> Outcome<Look> {
    let connections = register_int_gauge_vec_with_registry!(
        Opts::new(
            "wmda_auth_database_connections",
            "Connections to the database, by state."
        ),
        &["state"],
        registry
    )?;
    let most = register_int_gauge_with_registry!(
        "wmda_auth_database_connections_limit",
        "How many connections to the database there may be.",
        registry
    )?;
    let age = register_gauge_with_registry!(
        "wmda_auth_poll_age_seconds",
        "How long ago the database last said what had changed.",
        registry
    )?;
    let ahead = register_gauge_with_registry!(
        "wmda_auth_clock_skew_seconds",
        "By how much this machine's clock is ahead of the database's, at least; negative: behind.",
        registry
    )?;
    let work = Work::new(registry)?;
    let (store, memory) = (store.clone(), Arc::clone(memory));
    Ok(Box::new(move || {
        ahead.set(memory.clock_ahead().as_seconds_f64());
        work.show(store.counted());
        let now = store.connections();
        connections.with_label_values(&["busy"]).set(now.busy.into());
        connections.with_label_values(&["idle"]).set(now.idle.into());
        most.set(now.most.into());
        let seconds = memory.poll_age().map_or(f64::INFINITY, |age| age.as_secs_f64());
        age.set(seconds);
    }))
}

/// Statistics of database work, counted by the store.
struct Work {
    asked: IntCounter,
    seconds: Counter,
    errors: IntCounterVec,
}

impl Work {
    fn new(registry: &Registry) -> Outcome<Self> {
        Ok(Self {
            asked: register_int_counter_with_registry!(
                "wmda_auth_database_operations_total",
                "Units of work that were asked of the database.",
                registry
            )?,
            seconds: register_counter_with_registry!(
                "wmda_auth_database_operation_seconds_total",
                "How long they took together, with the wait for a connection.",
                registry
            )?,
            errors: register_int_counter_vec_with_registry!(
                Opts::new(
                    "wmda_auth_database_errors_total",
                    "Units of work that failed, by cause: busy, unreachable, refused."
                ),
                &["cause"],
                registry
            )?,
        })
    }

    fn show(&self, counted: Counted) {
        let seconds = Duration::from_micros(counted.microseconds).as_secs_f64();
        raise(&self.asked, counted.asked);
        self.seconds.inc_by((seconds - self.seconds.get()).max(0.0));
        raise(&self.errors.with_label_values(&["busy"]), counted.busy);
        raise(
            &self.errors.with_label_values(&["unreachable"]),
            counted.unreachable,
        );
        raise(&self.errors.with_label_values(&["refused"]), counted.failed);
    }
}

fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

struct Gauges {
    mails: OutboxGauges,
    webhooks: OutboxGauges,
    secrets: IntGaugeVec,
}

struct OutboxGauges {
    waiting: IntGauge,
    failed: IntGauge,
    overdue: Gauge,
}

impl OutboxGauges {
    fn new(registry: &Registry, kind: &str, what: &str) -> Outcome<Self> {
        let states = register_int_gauge_vec_with_registry!(
            Opts::new(
                format!("wmda_auth_{kind}"),
                format!("{what}, by state: waiting to be sent, or failed in the last 30 days.")
            ),
            &["state"],
            registry
        )?;
        Ok(Self {
            waiting: states.with_label_values(&["waiting"]),
            failed: states.with_label_values(&["failed"]),
            overdue: register_gauge_with_registry!(
                format!("wmda_auth_{kind}_overdue_seconds"),
                format!("{what}: for how long the oldest has been due."),
                registry
            )?,
        })
    }

    fn set(&self, outbox: Outbox) {
        self.waiting.set(outbox.waiting);
        self.failed.set(outbox.failed);
        self.overdue.set(outbox.overdue.as_seconds_f64());
    }
}

/// Counts rows at intervals. While the database does not answer, the last counts stay.
pub fn spawn_counting(registry: &Registry, store: Store, clock: Arc<dyn Clock>) -> Outcome<()> {
    let gauges = Gauges {
        mails: OutboxGauges::new(registry, "mails", "Mails")?,
        webhooks: OutboxGauges::new(registry, "webhook_deliveries", "Deliveries to webhooks")?,
        secrets: register_int_gauge_vec_with_registry!(
            Opts::new(
                "wmda_auth_client_secrets",
                "Secrets that are not deleted, by what they have left at most."
            ),
            &["left"],
            registry
        )?,
    };
    actix_web::rt::spawn(async move {
        loop {
            match store.figures(clock.now()).await {
                Ok(figures) => show(&gauges, &figures),
                Err(error) => log::debug!("nothing can be counted now: {error}"),
            }
            tokio::time::sleep(BETWEEN_COUNTS).await;
        }
    });
    Ok(())
}

fn show(gauges: &Gauges, figures: &Figures) {
    gauges.mails.set(figures.mails);
    gauges.webhooks.set(figures.webhooks);
    for (left, count) in LEFT.iter().zip(figures.secrets) {
        gauges.secrets.with_label_values(&[left]).set(count);
    }
}
