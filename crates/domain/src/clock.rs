//! Time as an argument. The real clock is built in `server`; tests bring their own.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC.
    fn now(&self) -> DateTime<Utc>;
    /// Time since an arbitrary start that never goes back, for leases.
    fn monotonic(&self) -> Duration;
}
