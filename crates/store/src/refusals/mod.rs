//! The refusal record: refused requests, collected in memory, written in the background, searchable. Its memory and
//! rows are bounded under a flood.

mod origins;
mod recorder;
mod rows;
mod search;

pub(crate) use origins::origins_of_expired;
pub use recorder::{RefusalRecorder, RefusedRequest};
pub use search::{RefusalFilter, RefusalRecord};
