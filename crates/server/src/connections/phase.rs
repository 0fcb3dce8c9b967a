//! The phase of a connection, and its time-outs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;

use super::TICK;

/// Time-out of a request with its body and its handling: longer than the request time limit.
const ASKING: u64 = ticks(30);
/// Time-out of the client reading the answer.
const ANSWERING: u64 = ticks(20);
/// The same during shutdown.
const STOPPING: u64 = ticks(2);
/// Time of a new connection for its first request, before it counts as idle.
const ARRIVING: u64 = ticks(1);

const fn ticks(seconds: u64) -> u64 {
    seconds * 1000 / TICK.as_millis() as u64
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Between two requests.
    Idle,
    /// A request is being read or handled; no answer yet.
    Asking,
    /// An answer is being sent that the client has not read.
    Answering,
    /// Accepted; nothing of a request was received yet, though perhaps a handshake.
    New,
}

/// The shared state of one connection.
pub struct Connection {
    /// The tick at which the phase began, with the phase in the lowest two bits.
    state: AtomicU64,
    closed: AtomicBool,
    pub(super) waker: AtomicWaker,
}

impl Connection {
    pub(super) fn new(now: u64) -> Self {
        Self {
            state: AtomicU64::new(packed(Phase::New, now)),
            closed: AtomicBool::default(),
            waker: AtomicWaker::new(),
        }
    }

    fn phase(&self) -> (Phase, u64) {
        let state = self.state.load(Ordering::Relaxed);
        let phase = match state & 3 {
            0 => Phase::Idle,
            1 => Phase::Asking,
            2 => Phase::Answering,
            _ => Phase::New,
        };
        (phase, state >> 2)
    }

    fn set(&self, phase: Phase, now: u64) {
        self.state.store(packed(phase, now), Ordering::Relaxed);
    }

    /// Some of a request was received.
    pub(super) fn asked(&self, now: u64) {
        if matches!(self.phase().0, Phase::Idle | Phase::New) {
            self.set(Phase::Asking, now);
        }
    }

    /// There are bytes to send; whether they are the first of an answer. Those of a handshake are of none.
    pub(super) fn answers(&self, now: u64) -> bool {
        let begins = !matches!(self.phase().0, Phase::New | Phase::Answering);
        if begins {
            self.set(Phase::Answering, now);
        }
        begins
    }

    /// All bytes were sent.
    pub(super) fn answered(&self, now: u64) {
        if self.phase().0 == Phase::Answering {
            self.set(Phase::Idle, now);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.phase().0 == Phase::Idle
    }

    pub(super) fn is_overdue(&self, now: u64, stopping: bool) -> bool {
        let (phase, since) = self.phase();
        let limit = match phase {
            Phase::Idle | Phase::New => return false,
            Phase::Asking => ASKING,
            Phase::Answering if stopping => STOPPING,
            Phase::Answering => ANSWERING,
        };
        now.saturating_sub(since) > limit
    }

    /// Eviction order, smallest first: idle ones, then those longest in the same phase. Workers take connections of one source
    /// at once, so one that came later may find a new one that has not had time to ask.
    pub(super) fn order(&self, now: u64) -> (bool, u64) {
        let (phase, since) = self.phase();
        let is_idle = match phase {
            Phase::Idle => true,
            Phase::New => now.saturating_sub(since) >= ARRIVING,
            Phase::Asking | Phase::Answering => false,
        };
        (!is_idle, since)
    }

    /// Makes the connection's task close it and release its slot.
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
