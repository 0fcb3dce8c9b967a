//! The system clock and random source; everything else takes them as arguments.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::Clock;
use ring::rand::{SecureRandom, SystemRandom};

/// The system's clocks.
pub struct SystemClock;

impl SystemClock {
    pub fn start() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    /// `CLOCK_BOOTTIME` on Linux: unlike `Instant` it advances while the machine is suspended, so that no lease
    /// survives the sleep of a laptop or virtual machine.
    fn monotonic(&self) -> Duration {
        let now = rustix::time::clock_gettime(MONOTONIC);
        Duration::new(
            now.tv_sec.unsigned_abs(),
            u32::try_from(now.tv_nsec).unwrap_or_default(),
        )
    }
}

#[cfg(target_os = "linux")]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// The operating system's random source.
#[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
pub fn system_random() -> Arc<dyn SecureRandom + Send + Sync> {
    Arc::new(SystemRandom::new())
}
