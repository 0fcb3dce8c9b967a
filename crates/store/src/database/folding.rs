//! Text without regard to case, the same on both databases: `lower` of SQLite knows ASCII alone, and that of Postgres what the
//! locale of the database knows.

use diesel::{QueryResult, SqliteConnection};

diesel::define_sql_function! {
    /// Lower case as Unicode has it. A migration makes it on Postgres.
    fn folded(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Makes the function known to a connection.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    folded_utils::register_impl(connection, |text: String| text.to_lowercase())
}
