//! The versions of the pepper that this database knows: the check values by which a wrong one is noticed, which of them is
//! active, and what is kept of those that are gone.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::{Connection, prelude::*};
use domain::{
    audit::Entry,
    pepper::{Pepper, SURVIVING_PURPOSES},
};
use ring::rand::SecureRandom;

use crate::{
    Store, StoreError,
    audit::head,
    database::{
        connection::AnyConnection,
        pepper_use,
        schema::{pepper_checks, pepper_survivors},
    },
};

/// What outlives a version of the pepper, sealed under another one.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pepper_survivors)]
struct Survivor {
    version: i32,
    purpose: String,
    sealed: Vec<u8>,
}

/// Compares check values with the stored ones, stores those of new versions, and looks for what is missing.
pub(crate) fn verify(
    connection: &mut AnyConnection,
    pepper: &Pepper,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = pepper.known();
    let is_first = pepper_checks::table.count().get_result::<i64>(connection)? == 0;
    // Of a new database, the highest version is active at once.
    let first = known.last().copied().filter(|_| is_first);
    for (version, value) in pepper.check_values() {
        let activated_at = (first == Some(version)).then(|| now.naive_utc());
        let row = (
            pepper_checks::version.eq(version),
            pepper_checks::check_value.eq(value.to_vec()),
            pepper_checks::activated_at.eq(activated_at),
        );
        remember(connection, version, &value, row)?;
    }
    let active = active(connection)?.or(known.last().copied());
    adopt_survivors(connection, pepper)?;
    refuse_missing(connection, (pepper, &known), active, now)?;
    if let Some(active) = active {
        pepper.activate(active);
    }
    head::begin(connection, &pepper.current_audit_key())
}

type CheckRow = (
    diesel::dsl::Eq<pepper_checks::version, i32>,
    diesel::dsl::Eq<pepper_checks::check_value, Vec<u8>>,
    diesel::dsl::Eq<pepper_checks::activated_at, Option<chrono::NaiveDateTime>>,
);

fn remember(
    connection: &mut AnyConnection,
    version: i32,
    value: &[u8],
    row: CheckRow,
) -> Result<(), StoreError> {
    let stored = |connection: &mut AnyConnection| {
        let value = pepper_checks::table
            .find(version)
            .select(pepper_checks::check_value);
        value.first::<Vec<u8>>(connection).optional()
    };
    let known = match stored(connection)? {
        Some(known) => known,
        None => match diesel::insert_into(pepper_checks::table)
            .values(row)
            .execute(connection)
            .map_err(StoreError::from)
        {
            Ok(_) => return Ok(()),
            // Another node was faster.
            Err(StoreError::Conflict) => stored(connection)?.unwrap_or_default(),
            Err(error) => return Err(error),
        },
    };
    match known == value {
        true => Ok(()),
        false => Err(StoreError::WrongPepper(version)),
    }
}

/// The highest version that was activated.
pub(crate) fn active(connection: &mut AnyConnection) -> Result<Option<i32>, StoreError> {
    Ok(pepper_checks::table
        .filter(pepper_checks::activated_at.is_not_null())
        .order(pepper_checks::version.desc())
        .select(pepper_checks::version)
        .first(connection)
        .optional()?)
}

/// What can't be opened with this pepper stays closed: whoever needs it is told of the version.
fn adopt_survivors(connection: &mut AnyConnection, pepper: &Pepper) -> Result<(), StoreError> {
    for one in survivors(connection)? {
        pepper.adopt((one.version, &one.purpose), &one.sealed);
    }
    Ok(())
}

fn survivors(connection: &mut AnyConnection) -> Result<Vec<Survivor>, StoreError> {
    Ok(pepper_survivors::table
        .select(Survivor::as_select())
        .load(connection)?)
}

fn refuse_missing(
    connection: &mut AnyConnection,
    (pepper, known): (&Pepper, &[i32]),
    active: Option<i32>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let stored: Vec<i32> = pepper_checks::table
        .select(pepper_checks::version)
        .order(pepper_checks::version)
        .load(connection)?;
    for version in stored.into_iter().filter(|version| !known.contains(version)) {
        let mut used = pepper_use::of_version(connection, version, now)?;
        // Kept is not enough: it must open with what is there.
        used.audit_key_kept = pepper.has_audit_key(version);
        let mut needs = used.needs();
        if active == Some(version) {
            needs.insert(0, "it is active".to_owned());
        }
        if !needs.is_empty() {
            let needed_by = needs.join(", ");
            return Err(StoreError::PepperInUse { version, needed_by });
        }
    }
    Ok(())
}

impl Store {
    /// From now on every node uses this version for what is new. What must outlive the others is kept, sealed under it.
    /// `pepper` knows them all, and uses the version as well afterwards.
    pub async fn activate_pepper(
        &self,
        version: i32,
        pepper: Arc<Pepper>,
        random: Arc<dyn SecureRandom + Send + Sync>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let now = entry.event.at;
        self.audited(entry, move |connection| {
            if !pepper.activate(version) {
                return Err(StoreError::Missing);
            }
            diesel::update(pepper_checks::table.find(version))
                .set(pepper_checks::activated_at.eq(Some(now.naive_utc())))
                .execute(connection)?;
            keep_survivors(connection, &pepper, &*random)
        })
        .await
    }
}

/// Seals under the active version what the others leave behind.
pub(crate) fn keep_survivors(
    connection: &mut AnyConnection,
    pepper: &Pepper,
    random: &dyn SecureRandom,
) -> Result<(), StoreError> {
    let failed = |_| StoreError::Corrupt("randomness");
    let old = survivors(connection)?;
    let mut kept: Vec<Survivor> = Vec::new();
    for version in pepper
        .known()
        .into_iter()
        .filter(|version| *version != pepper.active())
    {
        for purpose in SURVIVING_PURPOSES {
            let sealed = pepper.seal_survivor((version, purpose), random).map_err(failed)?;
            kept.extend(sealed.map(|sealed| Survivor {
                version,
                purpose: purpose.to_owned(),
                sealed,
            }));
        }
    }
    for one in old {
        if !pepper.known().contains(&one.version) {
            let again = pepper.reseal_survivor((one.version, &one.purpose), &one.sealed, random);
            // One that can't be opened is left as it is.
            let sealed = again.map_err(failed)?.unwrap_or(one.sealed);
            kept.push(Survivor { sealed, ..one });
        }
    }
    connection.transaction(|connection| {
        for one in kept {
            let key = pepper_survivors::table.find((one.version, &one.purpose));
            diesel::delete(key).execute(connection)?;
            let row = (
                pepper_survivors::version.eq(one.version),
                pepper_survivors::purpose.eq(&one.purpose),
                pepper_survivors::sealed.eq(one.sealed),
            );
            diesel::insert_into(pepper_survivors::table)
                .values(row)
                .execute(connection)?;
        }
        Ok(())
    })
}
