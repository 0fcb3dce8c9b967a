//! Time as an argument. The system clock is built in `server`; tests provide their own.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC.
    fn now(&self) -> DateTime<Utc>;
    /// Monotonic time since an arbitrary start, for leases.
    fn monotonic(&self) -> Duration;
}
