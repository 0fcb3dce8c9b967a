//! Finds live secrets by the first characters of a value whose client is unknown, such as one leaked in public.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::{credential::CredentialKind, digest::Digest};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{ids::parse_id, schema::client_secrets},
};

/// Limit of candidates. There are 238,328 possible hints.
const ALIKE: i64 = 1000;

/// A live secret, to be compared with a value whose client is unknown.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Its id.
    pub id: Uuid,
    /// Its application.
    pub client_id: Uuid,
    /// Its stored digest.
    pub digest: Digest,
    /// Until when it is suspended, if it is.
    pub suspended_until: Option<DateTime<Utc>>,
    /// Whether it has been reported as leaked.
    pub is_reported: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct LiveRow {
    id: String,
    client_id: String,
    digest: Vec<u8>,
    suspended_until: Option<NaiveDateTime>,
    leak_reported_at: Option<NaiveDateTime>,
}

impl Store {
    /// The live secrets with this hint.
    pub async fn live_secrets_with_hint(
        &self,
        hint: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<LiveSecret>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .filter(client_secrets::hint.eq(hint))
                .filter(client_secrets::kind.eq(CredentialKind::Secret.as_str()))
                .filter(client_secrets::deleted_at.is_null())
                .filter(client_secrets::expires_at.gt(now.naive_utc()))
                .order(client_secrets::id)
                .limit(ALIKE)
                .select(LiveRow::as_select())
                .load(connection)?;
            rows.into_iter().map(live_secret).collect()
        })
        .await
    }
}

fn live_secret(row: LiveRow) -> Result<LiveSecret, StoreError> {
    Ok(LiveSecret {
        id: parse_id(&row.id)?,
        client_id: parse_id(&row.client_id)?,
        digest: row.digest.try_into().map_err(|_| StoreError::Corrupt("digest"))?,
        suspended_until: row.suspended_until.map(|until| until.and_utc()),
        is_reported: row.leak_reported_at.is_some(),
    })
}
