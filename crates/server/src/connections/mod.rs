//! Limits of concurrent connections, in total and per source; which one is closed when a limit is reached, time-outs
//! of idle or stalled ones, and reading at the pace of the answers.

mod files;
mod framing;
mod paced;
mod phase;
mod stream;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ipnet::IpNet;

pub use files::{Limits, raise_file_limit};
pub use paced::Paced;
use phase::Connection;
pub use stream::Watched;

/// Resolution of the connections' time-outs.
pub const TICK: Duration = Duration::from_millis(500);

/// The server's open connections.
pub struct Connections {
    limits: Limits,
    /// Trusted proxies, exempt from the limit per source, as their addresses stand for many clients.
    proxies: Vec<IpNet>,
    ticks: AtomicU64,
    stopping: AtomicBool,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_source: HashMap<IpAddr, HashMap<u64, Arc<Connection>>>,
    total: usize,
    last_id: u64,
}

/// A slot; released when dropped.
struct Slot {
    all: Arc<Connections>,
    source: IpAddr,
    id: u64,
    connection: Arc<Connection>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.all.open().remove(self.source, self.id);
    }
}

impl Connections {
    pub fn new(limits: Limits, proxies: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            proxies,
            ticks: AtomicU64::default(),
            stopping: AtomicBool::default(),
            open: Mutex::default(),
        })
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes a slot for a new connection. At a limit the longest idle connection is evicted, of the same source if
    /// that is over its limit. Requests are short: among busy connections, the oldest is one that never ends.
    fn take_slot(self: &Arc<Self>, peer: IpAddr) -> Slot {
        let source = counted(peer);
        let now = self.now();
        let mut open = self.open();
        let proxied = self.proxies.iter().any(|net| net.contains(&peer.to_canonical()));
        if !proxied && open.of(source) >= self.limits.per_source {
            open.make_room(Some(source), now);
        }
        if open.total >= self.limits.total {
            open.make_room(None, now);
        }
        let connection = Arc::new(Connection::new(now));
        let id = open.insert(source, Arc::clone(&connection));
        drop(open);
        Slot {
            all: Arc::clone(self),
            source,
            id,
            connection,
        }
    }

    /// Advances the clock and closes connections that have timed out.
    pub fn tick(&self) {
        let now = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        let stopping = self.stopping.load(Ordering::Relaxed);
        let open = self.open();
        let every = open.by_source.values().flat_map(HashMap::values);
        every
            .filter(|connection| connection.is_overdue(now, stopping))
            .for_each(|connection| connection.close());
    }

    /// Shutdown: shortens the time-out of clients that don't read their answers.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// No code panics while it holds this lock, so poisoning is ignored.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn of(&self, source: IpAddr) -> usize {
        self.by_source.get(&source).map_or(0, HashMap::len)
    }

    fn insert(&mut self, source: IpAddr, connection: Arc<Connection>) -> u64 {
        self.last_id += 1;
        self.total += 1;
        let own = self.by_source.entry(source).or_default();
        own.insert(self.last_id, connection);
        self.last_id
    }

    fn remove(&mut self, source: IpAddr, id: u64) {
        let Some(own) = self.by_source.get_mut(&source) else {
            return;
        };
        if own.remove(&id).is_some() {
            self.total -= 1;
        }
        if own.is_empty() {
            self.by_source.remove(&source);
        }
    }

    /// Evicts the longest idle connection, of the source or of all.
    fn make_room(&mut self, of: Option<IpAddr>, now: u64) {
        let sources = self.by_source.iter();
        let idlest = sources
            .filter(|(source, _)| of.is_none_or(|of| of == **source))
            .flat_map(|(source, own)| own.iter().map(move |(id, connection)| (*source, *id, connection)))
            .min_by_key(|(_, id, connection)| (connection.order(now), *id));
        if let Some((source, id, connection)) = idlest {
            connection.close();
            self.remove(source, id);
        }
    }
}

/// Groups addresses into sources: an IPv4 address, or an IPv6 /64, the least that a customer gets.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests;
