//! From where, and by which program, expired credentials are still tried.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::{credential::CredentialKind, secret::Origin};

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        schema::{client_secrets, refusals},
    },
};

/// Of these credentials, by id, the latest refusal for their expiry, as long as it is remembered.
pub(crate) fn origins_of_expired(
    connection: &mut AnyConnection,
    ids: Vec<String>,
) -> Result<HashMap<String, Origin>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // Refusals are indexed by client.
    let clients: Vec<String> = client_secrets::table
        .filter(client_secrets::id.eq_any(ids.clone()))
        .select(client_secrets::client_id)
        .distinct()
        .load(connection)?;
    let rows: Vec<(Option<String>, String, String)> = refusals::table
        .filter(refusals::client_id.eq_any(clients))
        .filter(refusals::credential_id.eq_any(ids))
        .filter(refusals::cause.eq_any(CredentialKind::ALL.map(CredentialKind::cause_of_expiry)))
        .order(refusals::last_at)
        .select((refusals::credential_id, refusals::source, refusals::user_agent))
        .load(connection)?;
    let origin = |(id, from, with): (Option<String>, String, String)| Some((id?, Origin { from, with }));
    Ok(rows.into_iter().filter_map(origin).collect())
}
