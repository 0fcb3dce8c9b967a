//! Look-ups from ids to names and back, for the audit trail and the search of lists.

use std::collections::HashMap;

use diesel::prelude::*;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        folding::folded,
        ids::parse_id,
        schema::{applications, client_secrets, organisations, resource_servers, resources, users},
    },
};

/// Maximum matches per kind of object in a search.
const FOLLOWED: i64 = 50;

type Pair = (String, String);

impl Store {
    /// The names of these objects, of whatever kind; for people, their e-mail addresses.
    pub async fn names(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        self.run(move |connection| {
            let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
            let pairs = pairs(connection, &ids)?;
            pairs
                .into_iter()
                .map(|(id, name)| Ok((parse_id(&id)?, name)))
                .collect()
        })
        .await
    }

    /// The ids of organisations, applications, secrets and people whose name contains a text, case-insensitively; an
    /// organisation's match includes its applications.
    pub async fn ids_by_name(&self, like: String) -> Result<Vec<Uuid>, StoreError> {
        self.run(move |connection| {
            let of_organisation = folded(organisations::name).like(like.clone()).escape('\\');
            let named = folded(applications::name).like(like.clone()).escape('\\');
            let mut ids: Vec<String> = applications::table
                .inner_join(organisations::table)
                .filter(named.or(of_organisation))
                .limit(FOLLOWED)
                .select(applications::client_id)
                .load(connection)?;
            ids.extend(
                organisations::table
                    .filter(folded(organisations::name).like(like.clone()).escape('\\'))
                    .limit(FOLLOWED)
                    .select(organisations::id)
                    .load::<String>(connection)?,
            );
            ids.extend(
                client_secrets::table
                    .filter(folded(client_secrets::name).like(like.clone()).escape('\\'))
                    .limit(FOLLOWED)
                    .select(client_secrets::id)
                    .load::<String>(connection)?,
            );
            let by_name = folded(users::display_name).like(like.clone()).escape('\\');
            let by_address = folded(users::email).like(like).escape('\\');
            ids.extend(
                users::table
                    .filter(by_name.or(by_address))
                    .limit(FOLLOWED)
                    .select(users::id)
                    .load::<String>(connection)?,
            );
            ids.iter().map(|id| parse_id(id)).collect()
        })
        .await
    }
}

fn pairs(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Pair>, StoreError> {
    let mut pairs: Vec<Pair> = applications::table
        .filter(applications::client_id.eq_any(ids.to_vec()))
        .select((applications::client_id, applications::name))
        .load(connection)?;
    pairs.extend(
        client_secrets::table
            .filter(client_secrets::id.eq_any(ids.to_vec()))
            .select((client_secrets::id, client_secrets::name))
            .load::<Pair>(connection)?,
    );
    pairs.extend(
        users::table
            .filter(users::id.eq_any(ids.to_vec()))
            .select((users::id, users::email))
            .load::<Pair>(connection)?,
    );
    pairs.extend(
        organisations::table
            .filter(organisations::id.eq_any(ids.to_vec()))
            .select((organisations::id, organisations::name))
            .load::<Pair>(connection)?,
    );
    pairs.extend(
        resources::table
            .filter(resources::id.eq_any(ids.to_vec()))
            .select((resources::id, resources::name))
            .load::<Pair>(connection)?,
    );
    pairs.extend(
        resource_servers::table
            .filter(resource_servers::client_id.eq_any(ids.to_vec()))
            .select((resource_servers::client_id, resource_servers::name))
            .load::<Pair>(connection)?,
    );
    Ok(pairs)
}
