//! Backups of all tables as JSON lines, the same for both databases: one snapshot, with row counts and a MAC. Tables
//! and columns are read from the database's catalogue, so that a migration needs no change here.

mod error;
mod export;
mod file;
mod import;
mod session;
mod tables;

pub use error::BackupError;
pub use file::{Header, Summary, read_backup};
