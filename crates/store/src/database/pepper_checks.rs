//! The check values by which a wrong pepper is noticed at start-up.

use diesel::prelude::*;
use domain::pepper::Pepper;

use crate::{
    StoreError,
    database::{connection::AnyConnection, schema::pepper_checks},
};

/// Compares check values with the stored ones, and stores those of new versions.
pub(crate) fn verify(connection: &mut AnyConnection, pepper: &Pepper) -> Result<(), StoreError> {
    for (version, value) in pepper.check_values() {
        let row = (
            pepper_checks::version.eq(version),
            pepper_checks::check_value.eq(value.to_vec()),
        );
        match diesel::insert_into(pepper_checks::table)
            .values(row)
            .execute(connection)
            .map_err(StoreError::from)
        {
            Ok(_) => {}
            Err(StoreError::Conflict) => {
                let known: Vec<u8> = pepper_checks::table
                    .find(version)
                    .select(pepper_checks::check_value)
                    .first(connection)?;
                if known != value {
                    return Err(StoreError::WrongPepper(version));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
