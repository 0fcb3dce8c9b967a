//! The refusal record's rows: written in the background, bounded per application and network, deleted after 30 days.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{Connection, prelude::*};
use uuid::Uuid;

use super::recorder::{Key, Repeated};
use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{applications, refusal_traces, refusals},
    },
    outbox::stable_ids::stable_id,
};

/// Retention in days after a refusal was last repeated.
const KEPT_DAYS: i64 = 30;
/// Row limits per application: for requests that proved possession of a credential, and for others that named it.
const OF_CREDENTIALS: i64 = 200;
const OF_APPLICATION: i64 = 100;
/// Row limits for unknown clients: in total, and per network.
const OF_NOBODY: i64 = 500;
const OF_NOBODY_FROM_ONE_NETWORK: i64 = 20;
/// Request ids by which a row can be found.
const SLOTS: i64 = 64;

/// The kinds of rows, which have separate limits.
const CREDENTIAL: &str = "credential";
const APPLICATION: &str = "application";
const NOBODY: &str = "nobody";

/// What rows were added for.
#[derive(Default)]
struct Grown {
    clients: BTreeSet<(&'static str, String)>,
    networks: BTreeSet<String>,
}

impl Store {
    /// Adds refusals to the stored ones, all or nothing.
    pub(crate) async fn add_refusals(&self, rows: Vec<(Key, Repeated)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                let newest = rows.iter().map(|(_, one)| one.last_at).max();
                // A write comes first: SQLite refuses to upgrade a read transaction to a write once another
                // connection has written.
                forget_old(connection, newest.unwrap_or_default())?;
                let known = known_clients(connection, &rows)?;
                let mut grown = Grown::default();
                for (key, one) in rows {
                    let client = key.client_id.map(|id| id.to_string());
                    let kind = match client.as_ref().filter(|id| known.contains(*id)) {
                        None => NOBODY,
                        Some(_) if key.credential_id.is_some() => CREDENTIAL,
                        Some(_) => APPLICATION,
                    };
                    if add(connection, kind, &key, &one)? {
                        match client.filter(|_| kind != NOBODY) {
                            Some(client) => drop(grown.clients.insert((kind, client))),
                            None => drop(grown.networks.insert(key.network.to_string())),
                        }
                    }
                }
                shrink(connection, grown)
            })
        })
        .await
    }
}

fn forget_old(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    let old = refusals::last_at.lt((now - TimeDelta::days(KEPT_DAYS)).naive_utc());
    diesel::delete(refusals::table.filter(old)).execute(connection)?;
    Ok(())
}

fn known_clients(
    connection: &mut AnyConnection,
    rows: &[(Key, Repeated)],
) -> Result<HashSet<String>, StoreError> {
    let named: BTreeSet<Uuid> = rows.iter().filter_map(|(key, _)| key.client_id).collect();
    let named: Vec<String> = named.iter().map(Uuid::to_string).collect();
    let known: Vec<String> = applications::table
        .filter(applications::client_id.eq_any(named))
        .select(applications::client_id)
        .load(connection)?;
    Ok(known.into_iter().collect())
}

/// Whether a row was inserted; otherwise an existing one was updated.
fn add(
    connection: &mut AnyConnection,
    kind: &'static str,
    key: &Key,
    one: &Repeated,
) -> Result<bool, StoreError> {
    let id = row_id(key);
    let (first, last) = (one.traces.front(), one.traces.back());
    let text =
        |trace: Option<&(Uuid, DateTime<Utc>)>| trace.map_or_else(String::new, |(id, _)| id.to_string());
    let counted = diesel::update(refusals::table.find(&id))
        .set((
            refusals::times.eq(refusals::times + one.times),
            refusals::last_at.eq(one.last_at.naive_utc()),
            refusals::last_trace_id.eq(text(last)),
            refusals::source.eq(one.source.to_string()),
            refusals::user_agent.eq(&one.user_agent),
            refusals::resource.eq(&one.resource),
        ))
        .execute(connection)?;
    if counted == 0 {
        let row = (
            refusals::id.eq(&id),
            refusals::kind.eq(kind),
            refusals::client_id.eq(key.client_id.map(|id| id.to_string())),
            refusals::credential_id.eq(key.credential_id.map(|id| id.to_string())),
            refusals::cause.eq(key.cause),
            refusals::route.eq(&key.route),
            refusals::network.eq(key.network.to_string()),
            refusals::first_at.eq(one.first_at.naive_utc()),
            refusals::trace_id.eq(text(first)),
            refusals::times.eq(one.times),
            refusals::last_at.eq(one.last_at.naive_utc()),
            refusals::last_trace_id.eq(text(last)),
            refusals::source.eq(one.source.to_string()),
            refusals::user_agent.eq(&one.user_agent),
            refusals::resource.eq(&one.resource),
        );
        diesel::insert_into(refusals::table)
            .values(row)
            .execute(connection)?;
    }
    let times: i64 = refusals::table
        .find(&id)
        .select(refusals::times)
        .first(connection)?;
    add_traces(connection, &id, times, one)?;
    Ok(counted == 0)
}

/// A ring buffer: the latest request ids replace the oldest.
fn add_traces(
    connection: &mut AnyConnection,
    id: &str,
    times: i64,
    one: &Repeated,
) -> Result<(), StoreError> {
    let mut slots = BTreeMap::new();
    for (trace, number) in one.traces.iter().rev().zip(1..) {
        slots.insert((times - number).rem_euclid(SLOTS) as i32, trace);
    }
    let taken = refusal_traces::table
        .filter(refusal_traces::refusal_id.eq(id))
        .filter(refusal_traces::slot.eq_any(slots.keys().copied().collect::<Vec<_>>()));
    diesel::delete(taken).execute(connection)?;
    for (slot, (trace, at)) in slots {
        let row = (
            refusal_traces::refusal_id.eq(id),
            refusal_traces::slot.eq(slot),
            refusal_traces::trace_id.eq(trace.to_string()),
            refusal_traces::at.eq(at.naive_utc()),
        );
        diesel::insert_into(refusal_traces::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

fn row_id(key: &Key) -> String {
    let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    stable_id(&[
        "refusal",
        &key.day.to_string(),
        &text(key.client_id),
        &text(key.credential_id),
        key.cause,
        &key.route,
        &key.network.to_string(),
        key.resource.as_deref().unwrap_or_default(),
    ])
    .to_string()
}

/// Deletes the oldest rows beyond the limits.
fn shrink(connection: &mut AnyConnection, grown: Grown) -> Result<(), StoreError> {
    for (kind, client) in grown.clients {
        let kept = if kind == CREDENTIAL {
            OF_CREDENTIALS
        } else {
            OF_APPLICATION
        };
        let surplus = refusals::table
            .filter(refusals::client_id.eq(client))
            .filter(refusals::kind.eq(kind))
            .order(refusals::last_at.desc())
            .offset(kept)
            .limit(SURPLUS)
            .select(refusals::id)
            .load(connection)?;
        remove(connection, surplus)?;
    }
    if grown.networks.is_empty() {
        return Ok(());
    }
    let nobody = || refusals::table.filter(refusals::kind.eq(NOBODY));
    for network in grown.networks {
        let surplus = nobody()
            .filter(refusals::network.eq(network))
            .order(refusals::last_at.desc())
            .offset(OF_NOBODY_FROM_ONE_NETWORK)
            .limit(SURPLUS)
            .select(refusals::id)
            .load(connection)?;
        remove(connection, surplus)?;
    }
    let surplus = nobody()
        .order(refusals::last_at.desc())
        .offset(OF_NOBODY)
        .limit(SURPLUS)
        .select(refusals::id)
        .load(connection)?;
    remove(connection, surplus)
}

/// Upper bound of deletions per limit; more than one flush adds.
const SURPLUS: i64 = 1000;

fn remove(connection: &mut AnyConnection, ids: Vec<String>) -> Result<(), StoreError> {
    if !ids.is_empty() {
        diesel::delete(refusals::table.filter(refusals::id.eq_any(ids))).execute(connection)?;
    }
    Ok(())
}
