//! Fair scheduling of database work: a task carries the source address that it works for, and one source never has
//! all turns, so that others wait behind little of its work. As SQLite allows one writer at a time and retries the
//! others at random, writers queue here.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::source::network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// How long a request waits for its turn; longer if it waits for other writers, too.
const PATIENCE: Duration = Duration::from_millis(500);
const PATIENCE_OF_WRITERS: Duration = Duration::from_millis(700);

tokio::task_local! {
    /// The source whose request this task serves; none, or unset, for shared work.
    static ASKING: Option<IpAddr>;
}

/// Runs work on behalf of a source: its queries count in that source's share.
pub async fn on_behalf_of<T>(source: IpAddr, work: impl Future<Output = T>) -> T {
    ASKING.scope(Some(network(source)), work).await
}

/// Runs work that others wait for too: it must not queue in the share of one source.
pub async fn for_all<T>(work: impl Future<Output = T>) -> T {
    ASKING.scope(None, work).await
}

/// Whether work reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Reading,
    Writing,
}

/// The semaphores of all turns.
#[derive(Clone)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    /// A single permit, where the database allows one writer at a time.
    writers: Option<Arc<Semaphore>>,
    /// The limit per source.
    share: usize,
    sources: Arc<Mutex<Sources>>,
}

/// Sources that wait or work, with their number of tasks.
type Sources = HashMap<IpAddr, (usize, Arc<Semaphore>)>;

/// A turn; released when dropped.
pub(crate) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_writers: Option<OwnedSemaphorePermit>,
    _of_source: Option<Share>,
}

impl Turns {
    /// As many turns as the pool has connections; one source gets three quarters of them.
    pub(crate) fn new(pool: usize, one_writer: bool) -> Self {
        Self {
            all: Arc::new(Semaphore::new(pool)),
            writers: one_writer.then(|| Arc::new(Semaphore::new(1))),
            share: (pool * 3 / 4).max(1),
            sources: Arc::default(),
        }
    }

    /// Waits in the source's queue, then the writers', then the global one; each is FIFO.
    pub(crate) async fn take(&self, access: Access) -> Result<Turn, StoreError> {
        let writers = self.writers.as_ref().filter(|_| access == Access::Writing);
        let patience = writers.map_or(PATIENCE, |_| PATIENCE_OF_WRITERS);
        let all_three = async {
            let of_source = match ASKING.try_with(|source| *source) {
                Ok(Some(source)) => Some(self.of_source(source).await?),
                Ok(None) | Err(_) => None,
            };
            let of_writers = match writers {
                Some(writers) => Some(acquire(writers).await?),
                None => None,
            };
            Ok(Turn {
                _of_all: acquire(&self.all).await?,
                _of_writers: of_writers,
                _of_source: of_source,
            })
        };
        let taken = tokio::time::timeout(patience, all_three).await;
        taken.unwrap_or(Err(StoreError::Busy))
    }

    async fn of_source(&self, source: IpAddr) -> Result<Share, StoreError> {
        let mut share = Share::wait(self, source);
        share.turn = Some(acquire(&share.turns).await?);
        Ok(share)
    }
}

async fn acquire(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    let turn = Arc::clone(turns).acquire_owned().await;
    turn.map_err(|_| StoreError::Busy)
}

/// A task that waits for, or holds, a turn of its source's share.
struct Share {
    source: IpAddr,
    turns: Arc<Semaphore>,
    sources: Arc<Mutex<Sources>>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Share {
    fn wait(of: &Turns, source: IpAddr) -> Self {
        let mut sources = locked(&of.sources);
        let (count, turns) = sources
            .entry(source)
            .or_insert_with(|| (0, Arc::new(Semaphore::new(of.share))));
        *count += 1;
        Self {
            source,
            turns: Arc::clone(turns),
            sources: Arc::clone(&of.sources),
            turn: None,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.turn = None;
        let mut sources = locked(&self.sources);
        if let Some((count, _)) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// No code panics while it holds this lock, so poisoning is ignored.
fn locked(sources: &Mutex<Sources>) -> MutexGuard<'_, Sources> {
    sources.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Access::{Reading, Writing};

    fn source(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn take(turns: &Turns, from: &str, access: Access) -> Result<Turn, StoreError> {
        on_behalf_of(source(from), turns.take(access)).await
    }

    #[tokio::test]
    async fn x02_one_source_leaves_turns_for_others() {
        let turns = Turns::new(8, false);
        let mut held = Vec::new();
        while let Ok(turn) = take(&turns, "192.0.2.1", Reading).await {
            held.push(turn);
        }
        assert_eq!(held.len(), 6);
        assert!(take(&turns, "192.0.2.2", Reading).await.is_ok());
        assert!(turns.take(Reading).await.is_ok(), "work in the background");
        let for_others = on_behalf_of(source("192.0.2.1"), for_all(turns.take(Reading)));
        assert!(for_others.await.is_ok());
        held.pop();
        assert!(take(&turns, "192.0.2.1", Reading).await.is_ok());
    }

    #[tokio::test]
    async fn x02_an_ipv6_network_of_64_bits_has_one_share() {
        let turns = Turns::new(1, false);
        let _one = take(&turns, "2001:db8::1", Reading).await.unwrap();
        assert!(take(&turns, "2001:db8::ffff:2", Reading).await.is_err());
        assert_eq!(locked(&turns.sources).len(), 1);
    }

    #[tokio::test]
    async fn x02_who_writes_waits_for_one_of_each_other_source_and_who_reads_does_not() {
        let turns = Turns::new(8, true);
        let first = take(&turns, "192.0.2.1", Writing).await.unwrap();
        assert!(take(&turns, "192.0.2.2", Reading).await.is_ok());
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { take(&turns, "192.0.2.2", Writing).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap());
    }

    #[tokio::test]
    async fn x01_who_is_gone_leaves_nothing_behind() {
        let turns = Turns::new(1, true);
        let held = take(&turns, "192.0.2.1", Writing).await.unwrap();
        let others: Vec<String> = (0..=255).map(|last| format!("192.0.2.{last}")).collect();
        let waiting = others.iter().map(|other| take(&turns, other, Writing));
        let refused = futures_util::future::join_all(waiting).await;
        assert!(refused.iter().all(Result::is_err));
        drop(held);
        assert!(locked(&turns.sources).is_empty());
    }
}
