//! Refused requests: gathered in memory, written in the background, found again. A flood costs a bounded amount of both.

mod origins;
mod recorder;
mod rows;
mod search;

pub(crate) use origins::origins_of_expired;
pub use recorder::{RefusalRecorder, RefusedRequest};
pub use search::{RefusalFilter, RefusalRecord};
