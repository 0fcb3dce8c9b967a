//! Inserting what may be there already.

use diesel::{Connection, QueryResult};

use super::connection::AnyConnection;
use crate::StoreError;

/// Inserts within a savepoint: on Postgres a unique violation would abort the whole transaction.
pub(crate) fn unless_there(
    connection: &mut AnyConnection,
    insert: impl FnOnce(&mut AnyConnection) -> QueryResult<usize>,
) -> Result<bool, StoreError> {
    let outcome = connection.transaction(|connection| insert(connection).map_err(StoreError::from));
    match outcome {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(other) => Err(other),
    }
}
