//! What each version of the pepper is needed for.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Binary, Integer, Nullable},
};
use domain::pepper::sealed_under;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{
            audit_events, client_secrets, enrolments, mails, pepper_checks, pepper_survivors,
            resource_servers, revoked_keys, users, webhooks,
        },
    },
};

diesel::define_sql_function! {
    /// The SQL function `substr`; positions count from 1.
    fn substr(text: Nullable<Binary>, from: Integer, length: Integer) -> Nullable<Binary>;
}

/// A pepper version, and what depends on it.
#[derive(Clone, Debug)]
pub struct PepperUse {
    /// Which version.
    pub version: i32,
    /// Since when it is used for new values; `None` if it was never activated.
    pub activated_at: Option<DateTime<Utc>>,
    /// Secrets that are neither deleted nor expired.
    pub live_secrets: i64,
    /// Secrets of resource servers.
    pub resource_servers: i64,
    /// TOTP secrets, of accounts and of open enrolments.
    pub authenticators: i64,
    /// Links in pending mails, signing keys of webhooks, successors of revoked signing keys.
    pub other_sealed: i64,
    /// Audit events chained under it.
    pub audit_events: i64,
    /// Whether the audit key is kept, so that these events can be verified without the version.
    pub audit_key_kept: bool,
}

impl PepperUse {
    /// What would be lost with the version, in words; empty if nothing would.
    pub fn needs(&self) -> Vec<String> {
        let named = [
            ("live secrets:", self.live_secrets),
            ("resource servers:", self.resource_servers),
            ("authenticators:", self.authenticators),
            ("other sealed values:", self.other_sealed),
            (
                "audit events:",
                if self.audit_key_kept { 0 } else { self.audit_events },
            ),
        ];
        let needed = named.into_iter().filter(|(_, count)| *count > 0);
        needed.map(|(name, count)| format!("{name} {count}")).collect()
    }
}

impl Store {
    /// Every pepper version that this database knows, oldest first.
    pub async fn pepper_use(&self, now: DateTime<Utc>) -> Result<Vec<PepperUse>, StoreError> {
        self.run_to_end(move |connection| {
            let versions: Vec<i32> = pepper_checks::table
                .select(pepper_checks::version)
                .order(pepper_checks::version)
                .load(connection)?;
            let used = versions
                .into_iter()
                .map(|version| of_version(connection, version, now));
            used.collect()
        })
        .await
    }
}

macro_rules! sealed {
    ($connection:expr, $version:expr, $table:ident, $column:ident) => {
        $table::table
            .filter(substr($table::$column.nullable(), 1, 4).eq(sealed_under($version).to_vec()))
            .count()
            .get_result::<i64>($connection)?
    };
}

pub(crate) fn of_version(
    connection: &mut AnyConnection,
    version: i32,
    now: DateTime<Utc>,
) -> Result<PepperUse, StoreError> {
    let activated_at: Option<NaiveDateTime> = pepper_checks::table
        .find(version)
        .select(pepper_checks::activated_at)
        .first(connection)?;
    let live_secrets = client_secrets::table
        .filter(client_secrets::pepper_version.eq(version))
        .filter(client_secrets::deleted_at.is_null())
        .filter(client_secrets::expires_at.gt(now.naive_utc()));
    let servers = resource_servers::table.filter(resource_servers::pepper_version.eq(version));
    let events = audit_events::table.filter(audit_events::key_version.eq(version));
    let kept = pepper_survivors::table
        .filter(pepper_survivors::version.eq(version))
        .filter(pepper_survivors::purpose.eq("audit"));
    Ok(PepperUse {
        version,
        activated_at: activated_at.map(|at| at.and_utc()),
        live_secrets: live_secrets.count().get_result(connection)?,
        resource_servers: servers.count().get_result(connection)?,
        authenticators: sealed!(connection, version, users, totp_secret)
            + sealed!(connection, version, enrolments, totp_secret),
        other_sealed: sealed!(connection, version, mails, sealed)
            + sealed!(connection, version, webhooks, signing_key)
            + sealed!(connection, version, revoked_keys, successor),
        audit_events: events.count().get_result(connection)?,
        audit_key_kept: kept.count().get_result::<i64>(connection)? > 0,
    })
}
