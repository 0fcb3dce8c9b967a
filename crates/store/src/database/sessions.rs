//! Detects a pooler in transaction mode (PgBouncer), which shares one server session between many clients, so that
//! settings and prepared statements leak between them.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Integer};

use super::{connection::AnyConnection, postgres::PostgresConnection};
use crate::StoreError;

/// Number of checks, as a session may be lent to another client at the moment.
const LOOKS: usize = 5;

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// Refuses two connections that share a server session.
pub(crate) fn verify_apart(one: &mut AnyConnection, two: &mut AnyConnection) -> Result<(), StoreError> {
    let (AnyConnection::Postgres(one), AnyConnection::Postgres(two)) = (one, two) else {
        return Ok(());
    };
    let (first, second) = (backend(one)?, backend(two)?);
    for _ in 0..LOOKS {
        if first == second || backend(one)? != first || backend(two)? != second {
            return Err(StoreError::SharedSessions);
        }
    }
    Ok(())
}

fn backend(connection: &mut PostgresConnection) -> Result<i32, StoreError> {
    let row: Backend = sql_query("SELECT pg_backend_pid() AS pid").get_result(connection)?;
    Ok(row.pid)
}
