//! Statistics of database work, for operators.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::StoreError;

/// Totals since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Units of work, each of one or more queries.
    pub asked: u64,
    /// Their total duration in microseconds, including the wait for a turn.
    pub microseconds: u64,
    /// Those that timed out waiting for a turn or an answer.
    pub busy: u64,
    /// Those without a connection, or whose connection was lost.
    pub unreachable: u64,
    /// Those that failed with a database error.
    pub failed: u64,
}

/// The counters.
#[derive(Default)]
pub(crate) struct Tally {
    asked: AtomicU64,
    microseconds: AtomicU64,
    busy: AtomicU64,
    unreachable: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    /// Counts a unit of work and returns its outcome.
    pub(crate) async fn count<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let outcome = work.await;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(took, Ordering::Relaxed);
        let failure = match &outcome {
            Err(StoreError::Busy) => &self.busy,
            Err(StoreError::Unreachable(_)) => &self.unreachable,
            Err(StoreError::Database(_)) => &self.failed,
            _ => return outcome,
        };
        failure.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted {
            asked: self.asked.load(Ordering::Relaxed),
            microseconds: self.microseconds.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            unreachable: self.unreachable.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
