//! Concurrency limits for expensive work: a flood of sign-ins, or of large files, takes neither the store's turns nor
//! those of another source.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{audit::Source, source::network};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::Problem;

/// Global limit: half of the store's turns, for unauthenticated requests.
const ALL: usize = 4;
/// Limit per source.
const PER_SOURCE: usize = 2;
/// Limit of waiting requests per source.
const WAITING: usize = 100;
const PATIENCE: Duration = Duration::from_secs(5);

/// The semaphores; those of sources exist while a request of theirs waits or works.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    sources: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// A permit; released when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_source: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(ALL)),
            sources: Mutex::default(),
        }
    }
}

impl Turns {
    /// Waits for a permit of this source first, then for a global one.
    pub(crate) async fn take(&self, source: Source) -> Result<Turn, Problem> {
        let own = self.of_source(network(source.0))?;
        let both = async {
            let of_source = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn {
                _of_source: of_source,
                _of_all: of_all,
            })
        };
        let taken = tokio::time::timeout(PATIENCE, both).await.ok().flatten();
        taken.ok_or(Problem::TooManyAttempts(1))
    }

    fn of_source(&self, source: IpAddr) -> Result<Arc<Semaphore>, Problem> {
        let poisoned = |_| Problem::Internal("the turns of sources are lost".to_owned());
        let mut sources = self.sources.lock().map_err(poisoned)?;
        // A waiting or working request holds a reference.
        sources.retain(|_, turns| Arc::strong_count(turns) > 1);
        let own = sources
            .entry(source)
            .or_insert_with(|| Arc::new(Semaphore::new(PER_SOURCE)));
        if Arc::strong_count(own) > WAITING {
            return Err(Problem::TooManyAttempts(1));
        }
        Ok(Arc::clone(own))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn source(last: u8) -> Source {
        Source(Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[tokio::test]
    async fn x02_a_source_waits_for_its_own_and_not_for_others() {
        let turns = Turns::default();
        let first = turns.take(source(1)).await.unwrap();
        let _second = turns.take(source(1)).await.unwrap();
        let third = tokio::time::timeout(Duration::from_millis(50), turns.take(source(1)));
        assert!(third.await.is_err(), "the third of one source waits");
        let _other = turns.take(source(2)).await.unwrap();
        drop(first);
        assert!(turns.take(source(1)).await.is_ok());
    }

    #[tokio::test]
    async fn x02_the_addresses_of_an_ipv6_network_wait_for_one_another() {
        let turns = Turns::default();
        let take = |address: &str| turns.take(Source(address.parse().unwrap()));
        let _first = take("2001:db8::1").await.unwrap();
        let _second = take("2001:db8::2").await.unwrap();
        let third = tokio::time::timeout(Duration::from_millis(50), take("2001:db8::3"));
        assert!(third.await.is_err());
        assert!(take("2001:db8:0:1::1").await.is_ok(), "another network");
    }

    #[tokio::test]
    async fn x01_who_is_gone_leaves_nothing_behind() {
        let turns = Turns::default();
        for last in 0..=255 {
            turns.take(source(last)).await.unwrap();
        }
        drop(turns.take(source(0)).await.unwrap());
        assert!(turns.sources.lock().unwrap().len() <= 2);
    }
}
