//! Connections; the scheme of the URL selects the database.

#![expect(
    missing_docs,
    reason = "`diesel::MultiConnection` makes public items without a word"
)]

use std::fmt;

use diesel::SqliteConnection;

use super::postgres::{PostgresConnection, PostgresUrl};
use crate::StoreError;

/// The database's URL. Its `Debug` and `Display` hide the password.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The path of an SQLite file.
    Sqlite(String),
    /// A libpq connection URI.
    Postgres(Box<PostgresUrl>),
}

impl DatabaseUrl {
    /// Parses a URL by its scheme.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(StoreError::UnknownScheme)
            } else {
                Ok(Self::Sqlite(path.to_owned()))
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(PostgresUrl::parse(url)?)));
        }
        Err(StoreError::UnknownScheme)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{path}"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection to either database; each query is written once for both.
#[derive(diesel::MultiConnection)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as the pool has, and the derive takes no box"
)]
pub(crate) enum AnyConnection {
    Postgres(PostgresConnection),
    Sqlite(SqliteConnection),
}
