//! Replay protection for DPoP proofs, in the memory of one process, for as long as they would be accepted
//! (RFC 9449 §11.1). Bounded: when it is full, proofs are rejected, as forgetting one would mean to accept it again.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jose::dpop::{LIFETIME_SECONDS, MAX_AHEAD_SECONDS};

use crate::Rejection;

/// How long a proof can be accepted after its first use.
const WINDOW: Duration = Duration::from_secs((LIFETIME_SECONDS + MAX_AHEAD_SECONDS + 1).unsigned_abs());
/// Capacity in proofs, in two windows: some 13,000 requests per second, and 64 MiB.
const CAPACITY: usize = 1_000_000;

#[derive(Default)]
pub(crate) struct UsedProofs(Mutex<Windows>);

/// The proofs used in this window and in the previous one.
#[derive(Default)]
struct Windows {
    began: Duration,
    current: HashSet<u128>,
    previous: HashSet<u128>,
}

impl UsedProofs {
    /// Records a proof; rejects one that was recorded.
    pub(crate) fn remember(&self, digest: [u8; 32], now: Duration) -> Result<(), Rejection> {
        let half = digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.pass(now);
        if windows.current.contains(&half) || windows.previous.contains(&half) {
            return Err(Rejection::UsedProof);
        }
        if windows.current.len() >= CAPACITY {
            return Err(Rejection::Unavailable("the memory of used proofs is full"));
        }
        windows.current.insert(half);
        Ok(())
    }
}

impl Windows {
    fn pass(&mut self, now: Duration) {
        let age = now.saturating_sub(self.began);
        if age < WINDOW {
            return;
        }
        self.previous = mem::take(&mut self.current);
        if age >= 2 * WINDOW {
            self.previous.clear();
        }
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d01_a_proof_is_known_for_longer_than_it_is_accepted_and_then_forgotten() {
        let (used, at) = (UsedProofs::default(), Duration::from_secs);
        assert_eq!(used.remember([1; 32], at(1_000)), Ok(()));
        for seconds in [1_000, 1_060, 1_075] {
            assert_eq!(
                used.remember([1; 32], at(seconds)),
                Err(Rejection::UsedProof),
                "{seconds}"
            );
        }
        assert_eq!(used.remember([2; 32], at(1_075)), Ok(()));
        assert_eq!(used.remember([2; 32], at(1_150)), Err(Rejection::UsedProof));
        assert_eq!(used.remember([1; 32], at(1_152)), Ok(()), "long past");
        assert_eq!(
            used.remember([1; 32], at(9_000)),
            Ok(()),
            "nothing came for a while"
        );
    }

    #[test]
    fn d01_what_is_remembered_is_bounded_and_fails_closed() {
        let used = UsedProofs::default();
        {
            let mut windows = used.0.lock().unwrap();
            windows.current = (0..CAPACITY as u128).collect();
        }
        let outcome = used.remember([255; 32], Duration::ZERO);
        assert!(matches!(outcome, Err(Rejection::Unavailable(_))), "{outcome:?}");
    }
}
