//! The networks from which an application's credentials may be used.

use diesel::{OptionalExtension, prelude::*};
use domain::{
    audit::Entry,
    networks::{AllowedNetworks, NetworksMode, parse},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::applications},
    directory::policies,
};

/// A partial update; `None` keeps the old value.
#[derive(Clone, Debug, Default)]
pub struct NetworksChange {
    /// Whether they are enforced, reported or ignored.
    pub mode: Option<NetworksMode>,
    /// The networks.
    pub networks: Option<Vec<domain::networks::IpNet>>,
}

impl Store {
    /// Updates an application's networks. In force on every node once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn change_networks(
        &self,
        client_id: Uuid,
        change: NetworksChange,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let client_id = client_id.to_string();
            let mut networks = load(connection, &client_id)?.ok_or(StoreError::Missing)?;
            if let Some(mode) = change.mode {
                networks.mode = mode;
            }
            if let Some(named) = change.networks {
                networks.networks = named;
            }
            if networks.mode == NetworksMode::Enforce && networks.networks.is_empty() {
                return Err(StoreError::Forbidden(
                    "allowed_networks is empty: networks_mode enforce would refuse everybody",
                ));
            }
            if networks.mode == NetworksMode::Off
                && policies::policy_of(connection, &client_id)?.networks_required
            {
                return Err(StoreError::Forbidden(
                    "the policy of the organisation requires networks: use report or enforce",
                ));
            }
            let names: Vec<String> = networks.networks.iter().map(ToString::to_string).collect();
            diesel::update(applications::table.find(&client_id))
                .set((
                    applications::networks_mode.eq(networks.mode.as_str()),
                    applications::allowed_networks.eq(names.join(" ")),
                ))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn load(connection: &mut AnyConnection, client_id: &str) -> Result<Option<AllowedNetworks>, StoreError> {
    let row: Option<(String, String)> = applications::table
        .find(client_id)
        .select((applications::networks_mode, applications::allowed_networks))
        .first(connection)
        .optional()?;
    row.map(|(mode, networks)| stored(&mode, &networks)).transpose()
}

/// Parses the two columns.
pub(crate) fn stored(mode: &str, networks: &str) -> Result<AllowedNetworks, StoreError> {
    let networks = networks.split_whitespace().map(parse);
    Ok(AllowedNetworks {
        mode: mode.parse().map_err(|_| StoreError::Corrupt("networks mode"))?,
        networks: networks
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Corrupt("network"))?,
    })
}
