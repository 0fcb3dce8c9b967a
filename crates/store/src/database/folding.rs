//! Case-insensitive text, the same on both databases: SQLite's `lower` handles ASCII only, and that of Postgres
//! depends on the locale.

use diesel::{QueryResult, SqliteConnection};

diesel::define_sql_function! {
    /// Unicode lower case. On Postgres a migration defines it.
    fn folded(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Defines the function on a connection.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    folded_utils::register_impl(connection, |text: String| text.to_lowercase())
}
