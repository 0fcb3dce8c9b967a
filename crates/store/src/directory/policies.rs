//! Policies of organisations: rules of the WMDA team for their credentials.

use diesel::{OptionalExtension, prelude::*};
use domain::{
    audit::Entry,
    organisation_policy::{OrganisationPolicy, PolicyChange, SelfRotation},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{applications, organisation_policies as policies, organisations},
    },
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = policies)]
struct Row {
    max_lifetime_days: Option<i32>,
    max_live_secrets: Option<i64>,
    keys_only: bool,
    self_rotation: String,
    networks_required: bool,
    on_leak: String,
}

impl Store {
    /// The policy of an organisation; `None` if that does not exist.
    pub async fn organisation_policy(&self, id: Uuid) -> Result<Option<OrganisationPolicy>, StoreError> {
        self.run(move |connection| {
            let id = id.to_string();
            let known = organisations::table.find(&id).count();
            match known.get_result::<i64>(connection)? {
                0 => Ok(None),
                _ => load(connection, &id).map(Some),
            }
        })
        .await
    }

    /// Whether an organisation owns one of these applications.
    pub async fn owns_any(&self, id: Uuid, client_ids: Vec<Uuid>) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let among: Vec<String> = client_ids.iter().map(Uuid::to_string).collect();
            let owned = applications::table
                .filter(applications::organisation_id.eq(id.to_string()))
                .filter(applications::client_id.eq_any(among));
            Ok(owned.count().get_result::<i64>(connection)? > 0)
        })
        .await
    }

    /// Changes a policy. Creations and rotations that follow see it, as all lock the version counter.
    pub async fn change_policy(
        &self,
        id: Uuid,
        change: PolicyChange,
        entry: Entry,
    ) -> Result<OrganisationPolicy, StoreError> {
        self.change(None, entry, move |connection| {
            let id = id.to_string();
            if organisations::table
                .find(&id)
                .count()
                .get_result::<i64>(connection)?
                == 0
            {
                return Err(StoreError::Missing);
            }
            let policy = change.of(load(connection, &id)?);
            let row = (
                policies::max_lifetime_days
                    .eq(policy.max_lifetime_days.and_then(|days| i32::try_from(days).ok())),
                policies::max_live_secrets.eq(policy.max_live_secrets),
                policies::keys_only.eq(policy.keys_only),
                policies::self_rotation.eq(policy.self_rotation.as_str()),
                policies::networks_required.eq(policy.networks_required),
                policies::on_leak.eq(policy.on_leak.as_str()),
            );
            let changed = diesel::update(policies::table.find(&id))
                .set(row)
                .execute(connection)?;
            if changed == 0 {
                diesel::insert_into(policies::table)
                    .values((policies::organisation_id.eq(&id), row))
                    .execute(connection)?;
            }
            Ok(policy)
        })
        .await
    }

    /// Sets whether an application may rotate its secrets itself, as far as the policy leaves that to its managers.
    pub async fn set_self_rotation(&self, client_id: Uuid, on: bool, entry: Entry) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let client_id = client_id.to_string();
            let policy = policy_of(connection, &client_id)?;
            match policy.self_rotation {
                SelfRotation::Off if on => {
                    return Err(StoreError::Refused(
                        "the policy of the organisation does not allow self-rotation: ask the WMDA team",
                    ));
                }
                SelfRotation::Required if !on => {
                    return Err(StoreError::Refused(
                        "the policy of the organisation requires self-rotation: ask the WMDA team",
                    ));
                }
                _ => {}
            }
            diesel::update(applications::table.find(client_id))
                .set(applications::self_rotation.eq(on))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

/// The policy of an application's organisation.
pub(crate) fn policy_of(
    connection: &mut AnyConnection,
    client_id: &str,
) -> Result<OrganisationPolicy, StoreError> {
    let owner: String = applications::table
        .find(client_id.to_owned())
        .select(applications::organisation_id)
        .first(connection)?;
    load(connection, &owner)
}

/// The stored policy, or the default.
pub(crate) fn load(connection: &mut AnyConnection, id: &str) -> Result<OrganisationPolicy, StoreError> {
    let row = policies::table
        .find(id.to_owned())
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else {
        return Ok(OrganisationPolicy::default());
    };
    Ok(OrganisationPolicy {
        max_lifetime_days: row.max_lifetime_days.and_then(|days| u32::try_from(days).ok()),
        max_live_secrets: row.max_live_secrets,
        keys_only: row.keys_only,
        self_rotation: row
            .self_rotation
            .parse()
            .map_err(|_| StoreError::Corrupt("policy of self-rotation"))?,
        networks_required: row.networks_required,
        on_leak: row
            .on_leak
            .parse()
            .map_err(|_| StoreError::Corrupt("policy on leaks"))?,
    })
}
