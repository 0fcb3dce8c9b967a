//! What was asked of the database, counted for operators.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::StoreError;

/// Since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Units of work that were asked for, each of one or more queries.
    pub asked: u64,
    /// How long they took together, with the wait for a turn, in microseconds.
    pub microseconds: u64,
    /// Those that waited too long for a turn or an answer.
    pub busy: u64,
    /// Those for which there was no connection, or that lost theirs.
    pub unreachable: u64,
    /// Those that the database refused.
    pub failed: u64,
}

/// Counts.
#[derive(Default)]
pub(crate) struct Tally {
    asked: AtomicU64,
    microseconds: AtomicU64,
    busy: AtomicU64,
    unreachable: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    /// Counts a unit of work and passes its outcome on.
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
