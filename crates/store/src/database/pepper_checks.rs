//! The pepper versions that this database knows: check values that detect a wrong pepper, the active version, and
//! audit keys of retired versions.

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

/// A key derived from one pepper version, sealed under another, so that it survives the version's removal.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pepper_survivors)]
struct Survivor {
    version: i32,
    purpose: String,
    sealed: Vec<u8>,
}

/// Compares the pepper's check values with the stored ones, stores those of new versions, and refuses a missing
/// version that is still needed.
pub(crate) fn verify(
    connection: &mut AnyConnection,
    pepper: &Pepper,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = pepper.known();
    let is_first = pepper_checks::table.count().get_result::<i64>(connection)? == 0;
    // In a new database the highest version is active at once.
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
            // Another node inserted it first.
            Err(StoreError::Conflict) => stored(connection)?.unwrap_or_default(),
            Err(error) => return Err(error),
        },
    };
    match known == value {
        true => Ok(()),
        false => Err(StoreError::WrongPepper(version)),
    }
}

/// The active version: the highest one ever activated.
pub(crate) fn active(connection: &mut AnyConnection) -> Result<Option<i32>, StoreError> {
    Ok(pepper_checks::table
        .filter(pepper_checks::activated_at.is_not_null())
        .order(pepper_checks::version.desc())
        .select(pepper_checks::version)
        .first(connection)
        .optional()?)
}

/// Loads surviving keys. One that this pepper can't open is skipped: whoever needs it gets an error that names the
/// version.
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
        // Being stored is not enough: this pepper must be able to open it.
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
    /// Makes every node use this version for new values, and seals under it the keys that must survive other
    /// versions. Activates it in `pepper`, too, which must know all versions.
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

/// Seals the surviving keys of the other versions under the active one.
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
            // A key that can't be opened is left as it is.
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
