//! Published keys: which credentials depend on them, and a notice when they can't be fetched.

use chrono::{DateTime, Utc};
use diesel::{Connection, prelude::*};
use domain::credential::{CredentialKind, Proof};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        ids::parse_id,
        schema::{applications, client_secrets, organisations},
    },
    outbox::{
        plans::MailKind,
        secret_notices::{CredentialNotice, notify_managers},
    },
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct ProofRow {
    id: String,
    kind: String,
    material: Option<String>,
}

impl Store {
    /// Live credentials that are proved by a key, the client's own or a federated issuer's. Forms that this version
    /// can't parse are skipped.
    pub async fn proved_by_keys(&self, now: DateTime<Utc>) -> Result<Vec<(Uuid, Proof)>, StoreError> {
        self.run(move |connection| {
            let rows = client_secrets::table
                .inner_join(applications::table.inner_join(organisations::table))
                .filter(applications::enabled.and(organisations::enabled))
                .filter(client_secrets::kind.ne(CredentialKind::Secret.as_str()))
                .filter(client_secrets::deleted_at.is_null())
                .filter(client_secrets::expires_at.gt(now.naive_utc()))
                .select(ProofRow::as_select())
                .load(connection)?;
            let proof = |row: ProofRow| {
                let proof = Proof::parse(&row.kind, [0; 32], row.material.as_deref())?;
                Some(parse_id(&row.id).map(|id| (id, proof)))
            };
            rows.into_iter().filter_map(proof).collect()
        })
        .await
    }

    /// Notifies the managers that a credential's keys can't be fetched: once a day, however many nodes notice.
    pub async fn notify_unreachable_keys(
        &self,
        credential_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let notice = CredentialNotice {
            secret_id: credential_id,
            kind: MailKind::KeysUnreachable,
            actor: "",
            source: "",
            is_urgent: true,
        };
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                // A write comes first: SQLite refuses to upgrade a read transaction to a write once another
                // connection has written.
                let live = client_secrets::table
                    .find(credential_id.to_string())
                    .filter(client_secrets::deleted_at.is_null());
                let found = diesel::update(live)
                    .set(client_secrets::name.eq(client_secrets::name))
                    .execute(connection)?;
                match found {
                    0 => Ok(()),
                    _ => notify_managers(connection, &notice, None, now),
                }
            })
        })
        .await
    }
}
