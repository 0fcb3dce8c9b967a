//! Opens the configured database, with warnings about its state.

use std::time::Duration;

use chrono::TimeDelta;
use domain::Clock;
use store::{DatabaseUrl, ServerState, Standbys, Store, StoreError};

use crate::{Outcome, configuration::Configuration, journal, patience::until_reachable};

/// Clock skew to the database that is worth a warning.
const CLOCK_WARNING: TimeDelta = TimeDelta::seconds(2);

/// Opens an existing database.
pub fn open(configuration: &Configuration) -> Outcome<Store> {
    named(configuration, try_open(configuration, Store::open))
}

/// The same, but waits for a database that is starting, too.
pub fn open_in_time(configuration: &Configuration, clock: &dyn Clock) -> Outcome<Store> {
    in_time(configuration, clock, Store::open)
}

/// Opens the database, creating it if missing; waits for its server.
pub fn create(configuration: &Configuration, clock: &dyn Clock) -> Outcome<Store> {
    in_time(configuration, clock, Store::create)
}

type Open = fn(&DatabaseUrl, u32) -> Result<Store, StoreError>;

fn in_time(configuration: &Configuration, clock: &dyn Clock, open: Open) -> Outcome<Store> {
    let patience = Duration::from_secs(configuration.server.start_wait_seconds);
    let opened = until_reachable(clock, patience, || try_open(configuration, open));
    named(configuration, opened)
}

/// Attaches the journal, and names the database in errors.
fn named(configuration: &Configuration, opened: Result<Store, StoreError>) -> Outcome<Store> {
    let store = opened.map_err(|error| format!("database.url: {error}"))?;
    journal::attach(store, configuration)
}

/// Logs which database is used, as a wrong address is easily mistaken for an empty database.
fn try_open(configuration: &Configuration, open: Open) -> Result<Store, StoreError> {
    let url = DatabaseUrl::parse(&configuration.database.url)?;
    let store = open(&url, configuration.database.pool_size.max(1))?;
    log::info!("the database is {url}");
    Ok(store)
}

/// Warnings about replication and clock skew, for `check` and the log.
pub fn warnings(state: &ServerState, clock: &dyn Clock) -> Vec<String> {
    let ahead = state
        .clock
        .map_or(TimeDelta::zero(), |theirs| clock.now() - theirs);
    [standbys_warning(state.standbys), clock_warning(ahead)]
        .into_iter()
        .flatten()
        .collect()
}

/// Asynchronous standbys: a failover may lose the last deletions.
pub fn standbys_warning(standbys: Standbys) -> Option<String> {
    (standbys == Standbys::Asynchronous).then(|| {
        "the database has a standby that is asynchronous: if it takes over, it may not know the last deletions, whose \
         secrets then work again; set synchronous_standby_names on the database"
            .to_owned()
    })
}

/// Clock skew: expiry and key rotation follow this machine's clock.
pub fn clock_warning(ahead: TimeDelta) -> Option<String> {
    let (side, by) = match ahead < TimeDelta::zero() {
        true => ("behind", -ahead),
        false => ("ahead of", ahead),
    };
    (by > CLOCK_WARNING).then(|| {
        format!(
            "this machine's clock is {}.{} s {side} the database's: synchronise both (NTP)",
            by.num_seconds(),
            by.subsec_nanos().unsigned_abs() / 100_000_000
        )
    })
}
