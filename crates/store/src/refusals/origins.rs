//! The source and user agent by which expired credentials are still presented.

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = refusals)]
struct OriginRow {
    credential_id: Option<String>,
    source: String,
    user_agent: String,
}

/// For each of these credentials, the latest recorded refusal because of its expiry.
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
    let rows = refusals::table
        .filter(refusals::client_id.eq_any(clients))
        .filter(refusals::credential_id.eq_any(ids))
        .filter(refusals::cause.eq_any(CredentialKind::ALL.map(CredentialKind::cause_of_expiry)))
        .order(refusals::last_at)
        .select(OriginRow::as_select())
        .load(connection)?;
    let origin = |row: OriginRow| {
        let origin = Origin {
            from: row.source,
            with: row.user_agent,
        };
        Some((row.credential_id?, origin))
    };
    Ok(rows.into_iter().filter_map(origin).collect())
}
