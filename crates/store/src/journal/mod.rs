//! The journal: a file outside the database that survives a restore. Each change is written to it after its commit
//! and before its answer, with the highest numbers allocated. If the database is restored from an older backup, the
//! journal is replayed.

mod file;
mod line;
mod recording;
mod replay;

pub use file::Journal;
pub use replay::Replayed;
