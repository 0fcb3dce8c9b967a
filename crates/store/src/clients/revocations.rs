//! Why a token is inactive before its `exp`: it is revoked, its credential deleted or suspended, its application or
//! organisation disabled, or its permissions revoked. Always read from the database, so that an answer reflects every
//! committed change.

use chrono::{DateTime, Utc};
use diesel::{Connection, prelude::*};
use domain::resource::parse_guid;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{applications, client_secrets, organisations, permissions, resources, revoked_tokens},
    },
};

/// How many expired revocations are deleted along with an insert: a bound on the time that takes.
const FORGOTTEN_TOGETHER: i64 = 100;

/// The claims that identify a token.
#[derive(Clone, Debug)]
pub struct TokenReference {
    /// Its `jti` (RFC 7519 §4.1.7).
    pub jti: String,
    /// The client that it was issued to.
    pub client_id: Uuid,
    /// The index of its credential in the token status list.
    pub status_index: i64,
    /// Its audience, a resource by id or URI.
    pub audience: String,
}

impl Store {
    /// The roles that the client has on the token's resource now; `None` when the token is revoked, its credential
    /// deleted or suspended, or its application or organisation disabled. The expiry of a credential does not end its
    /// tokens.
    pub async fn roles_of_live_token(
        &self,
        token: TokenReference,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        self.run(move |connection| {
            let revoked = revoked_tokens::table.find(&token.jti).count();
            if revoked.get_result::<i64>(connection)? > 0 {
                return Ok(None);
            }
            let live = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(client_secrets::status_index.eq(token.status_index))
                .filter(client_secrets::client_id.eq(token.client_id.to_string()))
                .filter(client_secrets::deleted_at.is_null())
                .filter(
                    client_secrets::suspended_until
                        .is_null()
                        .or(client_secrets::suspended_until.le(now.naive_utc())),
                )
                .filter(applications::enabled.and(organisations::enabled))
                .count();
            match live.get_result::<i64>(connection)? {
                0 => Ok(None),
                _ => roles(connection, token.client_id, &token.audience).map(Some),
            }
        })
        .await
    }

    /// Revokes one token, and deletes expired revocations. Idempotent.
    pub async fn revoke_token(
        &self,
        jti: String,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let past: Vec<String> = revoked_tokens::table
                .filter(revoked_tokens::expires_at.lt(now.naive_utc()))
                .order(revoked_tokens::expires_at)
                .limit(FORGOTTEN_TOGETHER)
                .select(revoked_tokens::jti)
                .load(connection)?;
            if !past.is_empty() {
                let past = revoked_tokens::table.filter(revoked_tokens::jti.eq_any(past));
                diesel::delete(past).execute(connection)?;
            }
            let row = (
                revoked_tokens::jti.eq(jti),
                revoked_tokens::expires_at.eq(expires_at.naive_utc()),
            );
            let added = connection.transaction(|connection| {
                diesel::insert_into(revoked_tokens::table)
                    .values(row)
                    .execute(connection)
            });
            match added.map_err(StoreError::from) {
                Ok(_) | Err(StoreError::Conflict) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

fn roles(connection: &mut AnyConnection, client_id: Uuid, audience: &str) -> Result<Vec<String>, StoreError> {
    let id = parse_guid(audience).map(|id| id.to_string());
    let named = resources::uri.eq(audience).or(resources::id.nullable().eq(id));
    Ok(permissions::table
        .inner_join(resources::table.on(resources::id.eq(permissions::resource_id)))
        .filter(permissions::client_id.eq(client_id.to_string()))
        .filter(named)
        .select(permissions::role)
        .load(connection)?)
}
