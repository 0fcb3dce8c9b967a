//! The journal: a file outside the database that outlives a restore. Each change is written there after its commit and before its answer,
//! with the highest numbers that were given out; a database that comes back older is told what it forgot.

mod file;
mod line;
mod recording;
mod replay;

pub use file::Journal;
pub use replay::Replayed;
