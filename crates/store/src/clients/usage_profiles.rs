//! Usage profile of an application: source networks and tokens per hour. Collected in memory, since no row is written
//! per token.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, DurationRound, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use diesel::{Connection, prelude::*};
use domain::source::network;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{seen_networks, token_hours},
    },
};

/// Limits between two flushes: applications, and networks of each.
const CAPACITY: usize = 100_000;
const NETWORKS: usize = 16;
/// Applications written per transaction.
const CHUNK: usize = 100;
/// How many networks of an application are kept, and for how many days after they were last seen.
const NETWORKS_KEPT: i64 = 200;
const DAYS_KEPT: i64 = 30;
/// For how many hours tokens are counted.
const HOURS_KEPT: i64 = 48;

/// One application's usage since the last flush.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageProfile {
    networks: HashMap<IpAddr, Seen>,
    hours: BTreeMap<DateTime<Utc>, i64>,
}

#[derive(Clone, Debug)]
struct Seen {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    tokens: i64,
}

/// Collects usage until the next flush; bounded.
#[derive(Default)]
pub(crate) struct UsageProfileRecorder(Mutex<HashMap<Uuid, UsageProfile>>);

/// A network from which an application obtained tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenNetwork {
    /// An IPv4 address, or the first address of an IPv6 network of 64 bits.
    pub network: IpAddr,
    /// When it was first seen, within the retention period.
    pub first_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_at: DateTime<Utc>,
    /// How many tokens were issued to it.
    pub tokens: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = seen_networks)]
struct SeenRow {
    network: String,
    first_at: NaiveDateTime,
    last_at: NaiveDateTime,
    tokens: i64,
}

impl UsageProfileRecorder {
    pub(crate) fn record(&self, client_id: Uuid, now: DateTime<Utc>, source: IpAddr) {
        let now = now.trunc_subsecs(3);
        let seen = Seen {
            first_at: now,
            last_at: now,
            tokens: 1,
        };
        let mut gathered = self.gathered();
        if let Some(own) = room_for(&mut gathered, client_id) {
            own.count(hour(now), 1);
            own.see(network(source), seen);
        }
    }

    /// Writes what was collected; what can't be written is kept for the next flush.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        let mut outcome = Ok(());
        for chunk in rows.chunks(CHUNK) {
            if outcome.is_ok() {
                outcome = store.add_usage_profiles(chunk.to_vec()).await;
            }
            if outcome.is_err() {
                chunk
                    .iter()
                    .cloned()
                    .for_each(|(client_id, profile)| self.add(client_id, profile));
            }
        }
        outcome
    }

    fn add(&self, client_id: Uuid, profile: UsageProfile) {
        let mut gathered = self.gathered();
        if let Some(own) = room_for(&mut gathered, client_id) {
            profile
                .hours
                .into_iter()
                .for_each(|(hour, tokens)| own.count(hour, tokens));
            profile
                .networks
                .into_iter()
                .for_each(|(network, seen)| own.see(network, seen));
        }
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Uuid, UsageProfile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageProfile {
    fn count(&mut self, hour: DateTime<Utc>, tokens: i64) {
        *self.hours.entry(hour).or_default() += tokens;
    }

    fn see(&mut self, network: IpAddr, seen: Seen) {
        if let Some(known) = self.networks.get_mut(&network) {
            known.first_at = known.first_at.min(seen.first_at);
            known.last_at = known.last_at.max(seen.last_at);
            known.tokens += seen.tokens;
        } else if self.networks.len() < NETWORKS {
            self.networks.insert(network, seen);
        }
    }
}

fn room_for(gathered: &mut HashMap<Uuid, UsageProfile>, client_id: Uuid) -> Option<&mut UsageProfile> {
    let is_full = gathered.len() >= CAPACITY;
    match gathered.entry(client_id) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(_) if is_full => None,
        Entry::Vacant(new) => Some(new.insert(UsageProfile::default())),
    }
}

fn hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

impl Store {
    /// The networks from which an application obtained tokens in the last 30 days, the latest first.
    pub async fn seen_networks(
        &self,
        client_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<SeenNetwork>, StoreError> {
        self.run(move |connection| {
            let since = (now - TimeDelta::days(DAYS_KEPT)).naive_utc();
            let rows = seen_networks::table
                .filter(seen_networks::client_id.eq(client_id.to_string()))
                .filter(seen_networks::last_at.ge(since))
                .order((seen_networks::last_at.desc(), seen_networks::network))
                .select(SeenRow::as_select())
                .load(connection)?;
            rows.into_iter()
                .map(|row| {
                    Ok(SeenNetwork {
                        network: row.network.parse().map_err(|_| StoreError::Corrupt("network"))?,
                        first_at: row.first_at.and_utc(),
                        last_at: row.last_at.and_utc(),
                        tokens: row.tokens,
                    })
                })
                .collect()
        })
        .await
    }

    /// Each application's highest number of tokens in one of the last 24 hours.
    pub async fn busiest_hours(
        &self,
        clients: Vec<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, i64>, StoreError> {
        self.run(move |connection| {
            let clients: Vec<String> = clients.iter().map(Uuid::to_string).collect();
            let since = hour(now - TimeDelta::hours(23)).naive_utc();
            let rows: Vec<(String, i64)> = token_hours::table
                .filter(token_hours::client_id.eq_any(clients))
                .filter(token_hours::hour.ge(since))
                .select((token_hours::client_id, token_hours::tokens))
                .load(connection)?;
            let mut busiest = HashMap::new();
            for (client, tokens) in rows {
                let most: &mut i64 = busiest.entry(parse_id(&client)?).or_default();
                *most = tokens.max(*most);
            }
            Ok(busiest)
        })
        .await
    }

    async fn add_usage_profiles(&self, rows: Vec<(Uuid, UsageProfile)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                let latest = rows.iter().flat_map(|(_, profile)| profile.hours.keys()).max();
                let latest = latest.copied().unwrap_or_default();
                forget_old(connection, latest)?;
                for (client_id, profile) in rows {
                    let client_id = client_id.to_string();
                    for (hour, tokens) in profile.hours {
                        count_hour(connection, &client_id, hour, tokens)?;
                    }
                    for (network, seen) in profile.networks {
                        see_network(connection, &client_id, network, &seen)?;
                    }
                }
                Ok(())
            })
        })
        .await
    }
}

fn forget_old(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    let old = token_hours::hour.lt((now - TimeDelta::hours(HOURS_KEPT)).naive_utc());
    diesel::delete(token_hours::table.filter(old)).execute(connection)?;
    let old = seen_networks::last_at.lt((now - TimeDelta::days(DAYS_KEPT)).naive_utc());
    diesel::delete(seen_networks::table.filter(old)).execute(connection)?;
    Ok(())
}

fn count_hour(
    connection: &mut AnyConnection,
    client_id: &str,
    hour: DateTime<Utc>,
    tokens: i64,
) -> Result<(), StoreError> {
    let hour = hour.naive_utc();
    let counted = diesel::update(token_hours::table.find((client_id, hour)))
        .set(token_hours::tokens.eq(token_hours::tokens + tokens))
        .execute(connection)?;
    if counted == 0 {
        let row = (
            token_hours::client_id.eq(client_id),
            token_hours::hour.eq(hour),
            token_hours::tokens.eq(tokens),
        );
        diesel::insert_into(token_hours::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

fn see_network(
    connection: &mut AnyConnection,
    client_id: &str,
    network: IpAddr,
    seen: &Seen,
) -> Result<(), StoreError> {
    let network = network.to_string();
    let known = seen_networks::table.find((client_id, &network));
    let counted = diesel::update(known)
        .set((
            seen_networks::last_at.eq(seen.last_at.naive_utc()),
            seen_networks::tokens.eq(seen_networks::tokens + seen.tokens),
        ))
        .execute(connection)?;
    if counted > 0 {
        return Ok(());
    }
    let known: i64 = seen_networks::table
        .filter(seen_networks::client_id.eq(client_id))
        .count()
        .get_result(connection)?;
    if known < NETWORKS_KEPT {
        let row = (
            seen_networks::client_id.eq(client_id),
            seen_networks::network.eq(network),
            seen_networks::first_at.eq(seen.first_at.naive_utc()),
            seen_networks::last_at.eq(seen.last_at.naive_utc()),
            seen_networks::tokens.eq(seen.tokens),
        );
        diesel::insert_into(seen_networks::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_counted() {
        let recorder = UsageProfileRecorder::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let client = Uuid::from_u128(1);
        for host in 0..1000_u32 {
            let source = IpAddr::V4(host.into());
            recorder.record(client, at(0), source);
            recorder.record(client, at(3600), "2001:db8::1".parse().unwrap());
        }
        (0..CAPACITY).for_each(|number| {
            recorder.record(Uuid::from_u128(number as u128 + 2), at(0), [0; 4].into());
        });
        let gathered = recorder.gathered();
        let own = &gathered[&client];
        assert_eq!((gathered.len(), own.networks.len()), (CAPACITY, NETWORKS));
        assert_eq!(own.hours.values().copied().collect::<Vec<_>>(), [1000, 1000]);
        let network: IpAddr = "2001:db8::".parse().unwrap();
        assert_eq!(own.networks[&network].tokens, 1000);
    }
}
