//! A backup of all tables as JSON lines, the same for both databases: one snapshot, counted and sealed by a MAC. Tables and columns are
//! asked of the database, so that a migration changes nothing here.

mod error;
mod export;
mod file;
mod import;
mod session;
mod tables;

pub use error::BackupError;
pub use file::{Header, Summary, read_backup};
