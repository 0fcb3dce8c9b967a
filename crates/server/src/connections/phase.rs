//! What a connection is doing, and since when.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;

use super::TICK;

/// A request, its body included, and the work on it: longer than a request may take.
const ASKING: u64 = ticks(30);
/// What has been answered must have been taken by then.
const ANSWERING: u64 = ticks(20);
/// The same while the server stops.
const STOPPING: u64 = ticks(2);

const fn ticks(seconds: u64) -> u64 {
    seconds * 1000 / TICK.as_millis() as u64
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Between two requests, or before the first.
    Idle,
    /// Some of a request has been read, and nothing been answered.
    Asking,
    /// Something has been answered that the client has not taken.
    Answering,
}

/// One connection, as its task and the others see it.
pub struct Connection {
    /// The tick at which the phase began, and the phase in the lowest two bits.
    state: AtomicU64,
    closed: AtomicBool,
    pub(super) waker: AtomicWaker,
}

impl Connection {
    pub(super) fn new(now: u64) -> Self {
        Self {
            state: AtomicU64::new(packed(Phase::Idle, now)),
            closed: AtomicBool::default(),
            waker: AtomicWaker::new(),
        }
    }

    fn phase(&self) -> (Phase, u64) {
        let state = self.state.load(Ordering::Relaxed);
        let phase = match state & 3 {
            0 => Phase::Idle,
            1 => Phase::Asking,
            _ => Phase::Answering,
        };
        (phase, state >> 2)
    }

    fn set(&self, phase: Phase, now: u64) {
        self.state.store(packed(phase, now), Ordering::Relaxed);
    }

    /// Bytes came.
    pub(super) fn asked(&self, now: u64) {
        if self.phase().0 == Phase::Idle {
            self.set(Phase::Asking, now);
        }
    }

    /// There are bytes to send; whether they are the first of an answer.
    pub(super) fn answers(&self, now: u64) -> bool {
        let begins = self.phase().0 != Phase::Answering;
        if begins {
            self.set(Phase::Answering, now);
        }
        begins
    }

    /// All bytes were taken.
    pub(super) fn answered(&self, now: u64) {
        if self.phase().0 == Phase::Answering {
            self.set(Phase::Idle, now);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.phase().0 == Phase::Idle
    }

    pub(super) fn is_answering(&self) -> bool {
        self.phase().0 == Phase::Answering
    }

    pub(super) fn is_overdue(&self, now: u64, stopping: bool) -> bool {
        let (phase, since) = self.phase();
        let limit = match phase {
            Phase::Idle => return false,
            Phase::Asking => ASKING,
            Phase::Answering if stopping => STOPPING,
            Phase::Answering => ANSWERING,
        };
        now.saturating_sub(since) > limit
    }

    /// The smallest is closed first for another: who is idle, then who has been at the same thing for longest.
    pub(super) fn order(&self) -> (bool, u64) {
        let (phase, since) = self.phase();
        (phase != Phase::Idle, since)
    }

    /// Its task notices, closes and gives up its place.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

fn packed(phase: Phase, since: u64) -> u64 {
    since << 2 | phase as u64
}
