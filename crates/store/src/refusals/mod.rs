//! Refused requests: gathered in memory, written in the background, found again. A flood costs a bounded amount of both.

mod recorder;
mod rows;
mod search;

pub use recorder::{RefusalRecorder, RefusedRequest};
pub use search::{RefusalFilter, RefusalRecord};
