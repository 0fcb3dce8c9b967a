//! PostgreSQL: what the URL says, TLS, connecting, and the connection that diesel works over.

mod connecting;
mod connection;
mod tls;
mod url;

pub(crate) use connecting::{Postgres, STATEMENT_MS};
pub(crate) use connection::PostgresConnection;
pub use url::PostgresUrl;
