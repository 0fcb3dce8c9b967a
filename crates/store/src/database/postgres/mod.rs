//! PostgreSQL: parsing the URL, TLS, connecting, and diesel's connection.

mod connecting;
mod connection;
mod tls;
mod url;

pub(crate) use connecting::{Postgres, STATEMENT_MS};
pub(crate) use connection::PostgresConnection;
pub use url::PostgresUrl;
