//! Applications, as the WMDA team and credential managers see them.

use std::collections::HashMap;

use diesel::{OptionalExtension, prelude::*};
use domain::{
    application::{Application, ApplicationName},
    audit::Entry,
    networks::AllowedNetworks,
    organisation_policy::OrganisationPolicy,
    profile::Profile,
    resource::Environment,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        folding::folded,
        ids::{parse_id, parse_name},
        schema::{applications, client_secrets, organisations, permissions, resources},
    },
    directory::{
        managers::{ManagerView, managers_of},
        networks,
        pages::Page,
        policies,
    },
    error::require_rows,
};

/// An application with its context.
#[derive(Clone, Debug)]
pub struct ApplicationView {
    /// The application.
    pub application: Application,
    /// The organisation's name.
    pub organisation_name: String,
    /// Its security profile, beyond the standard.
    pub profile: Profile,
    /// The permissions granted to it.
    pub permissions: Vec<PermissionView>,
    /// Its credential managers.
    pub managers: Vec<ManagerView>,
    /// Whether its managers allow it to rotate its secrets itself.
    pub self_rotation: bool,
    /// The policy of its organisation.
    pub policy: OrganisationPolicy,
    /// The networks from which its credentials may be used.
    pub networks: AllowedNetworks,
}

/// The roles that an application has on one resource.
#[derive(Clone, Debug)]
pub struct PermissionView {
    /// The resource.
    pub resource_id: Uuid,
    /// Its name.
    pub resource_name: String,
    /// The resource's environment.
    pub environment: Environment,
    /// The token lifetime, where it is not the default.
    pub token_lifetime_seconds: Option<i64>,
    /// The roles, sorted.
    pub roles: Vec<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
struct Row {
    client_id: String,
    organisation_id: String,
    name: String,
    enabled: bool,
    dpop_bound_access_tokens: bool,
    self_rotation: bool,
    networks_mode: String,
    allowed_networks: String,
    profile: String,
    #[diesel(select_expression = organisations::name)]
    organisation_name: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = permissions)]
struct PermissionRow {
    client_id: String,
    resource_id: String,
    role: String,
    #[diesel(select_expression = resources::name)]
    resource_name: String,
    #[diesel(select_expression = resources::environment)]
    environment: String,
    #[diesel(select_expression = resources::token_lifetime_seconds)]
    token_lifetime_seconds: Option<i64>,
}

impl Store {
    /// Adds an application.
    pub async fn create_application(&self, new: Application, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let row = (
                applications::client_id.eq(new.client_id.to_string()),
                applications::organisation_id.eq(new.organisation_id.to_string()),
                applications::name.eq(new.name.to_string()),
                applications::enabled.eq(new.enabled),
                applications::dpop_bound_access_tokens.eq(new.dpop_bound_access_tokens),
            );
            diesel::insert_into(applications::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Finds an application by its unique name.
    pub async fn application_named(&self, name: String) -> Result<Option<Uuid>, StoreError> {
        self.run(move |connection| {
            let id = applications::table
                .filter(applications::name.eq(name))
                .select(applications::client_id);
            id.first::<String>(connection)
                .optional()?
                .as_deref()
                .map(parse_id)
                .transpose()
        })
        .await
    }

    /// One application.
    pub async fn application(&self, client_id: Uuid) -> Result<Option<ApplicationView>, StoreError> {
        self.run(move |connection| {
            let row = applications::table
                .inner_join(organisations::table)
                .filter(applications::client_id.eq(client_id.to_string()))
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            Ok(views(connection, row.into_iter().collect())?.pop())
        })
        .await
    }

    /// Applications by name; `among` limits them to these ids, `None` does not.
    pub async fn applications(
        &self,
        among: Option<Vec<Uuid>>,
        page: Page,
    ) -> Result<Vec<ApplicationView>, StoreError> {
        self.run(move |connection| {
            let by_hint = client_secrets::table
                .filter(client_secrets::deleted_at.is_null())
                .filter(client_secrets::hint.eq(page.search))
                .select(client_secrets::client_id);
            let found = folded(applications::name)
                .like(page.like.clone())
                .escape('\\')
                .or(applications::client_id.like(page.like.clone()).escape('\\'))
                .or(folded(organisations::name).like(page.like).escape('\\'))
                .or(applications::client_id.eq_any(by_hint));
            let mut query = applications::table
                .inner_join(organisations::table)
                .select(Row::as_select())
                .filter(applications::name.gt(page.after))
                .filter(found)
                .order(applications::name)
                .limit(page.limit)
                .into_boxed();
            if let Some(among) = among {
                let among: Vec<String> = among.iter().map(Uuid::to_string).collect();
                query = query.filter(applications::client_id.eq_any(among));
            }
            if let Some(id) = page.organisation_id {
                query = query.filter(applications::organisation_id.eq(id));
            }
            let rows = query.load(connection)?;
            views(connection, rows)
        })
        .await
    }

    /// Renames an application. A name decides what may be granted: a `PartnerAlternative-…` application stays one,
    /// and no other becomes one.
    pub async fn rename_application(
        &self,
        client_id: Uuid,
        name: ApplicationName,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let target = applications::table.find(client_id.to_string());
            let old: String = target.clone().select(applications::name).first(connection)?;
            if parse_name(&old)?.is_alternative() != name.is_alternative() {
                return Err(StoreError::Forbidden(
                    "a rename can't turn a Partner application into a PartnerAlternative one or back: create another",
                ));
            }
            diesel::update(target)
                .set(applications::name.eq(name.as_str()))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Sets an application's security profile. In force on every node once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn set_profile(
        &self,
        client_id: Uuid,
        profile: Profile,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let target = diesel::update(applications::table.find(client_id.to_string()));
            let target = target.set(applications::profile.eq(profile.as_str()));
            require_rows(target.execute(connection)?)
        })
        .await
    }

    /// Enables or disables an application. In force on every node once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn set_application_enabled(
        &self,
        client_id: Uuid,
        enabled: bool,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let target = diesel::update(applications::table.find(client_id.to_string()));
            let target = target.set(applications::enabled.eq(enabled));
            require_rows(target.execute(connection)?)
        })
        .await
    }

    /// Sets whether an application gets DPoP-bound tokens only. In force on every node once
    /// [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn set_dpop_bound_access_tokens(
        &self,
        client_id: Uuid,
        bound: bool,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(Some(client_id), entry, move |connection| {
            let target = diesel::update(applications::table.find(client_id.to_string()));
            let target = target.set(applications::dpop_bound_access_tokens.eq(bound));
            require_rows(target.execute(connection)?)
        })
        .await
    }
}

fn views(connection: &mut AnyConnection, rows: Vec<Row>) -> Result<Vec<ApplicationView>, StoreError> {
    let ids: Vec<String> = rows.iter().map(|row| row.client_id.clone()).collect();
    let mut granted = permissions_of(connection, &ids)?;
    let mut managers = managers_of(connection, &ids)?;
    let mut policies = HashMap::new();
    for Row { organisation_id, .. } in &rows {
        if !policies.contains_key(organisation_id) {
            policies.insert(
                organisation_id.clone(),
                policies::load(connection, organisation_id)?,
            );
        }
    }
    rows.into_iter()
        .map(|row| {
            let id = parse_id(&row.client_id)?;
            Ok(ApplicationView {
                policy: policies.get(&row.organisation_id).cloned().unwrap_or_default(),
                profile: row.profile.parse().map_err(|_| StoreError::Corrupt("profile"))?,
                networks: networks::stored(&row.networks_mode, &row.allowed_networks)?,
                self_rotation: row.self_rotation,
                permissions: granted
                    .extract_if(.., |(client_id, _)| *client_id == id)
                    .map(|(_, permission)| permission)
                    .collect(),
                managers: managers
                    .extract_if(.., |manager| manager.assignment.client_id == id)
                    .collect(),
                application: Application {
                    client_id: id,
                    organisation_id: parse_id(&row.organisation_id)?,
                    name: parse_name(&row.name)?,
                    enabled: row.enabled,
                    dpop_bound_access_tokens: row.dpop_bound_access_tokens,
                },
                organisation_name: row.organisation_name,
            })
        })
        .collect()
}

fn permissions_of(
    connection: &mut AnyConnection,
    client_ids: &[String],
) -> Result<Vec<(Uuid, PermissionView)>, StoreError> {
    let rows = permissions::table
        .inner_join(resources::table.on(resources::id.eq(permissions::resource_id)))
        .filter(permissions::client_id.eq_any(client_ids.to_vec()))
        .select(PermissionRow::as_select())
        .order((
            permissions::client_id,
            resources::name,
            resources::environment,
            permissions::role,
        ))
        .load(connection)?;
    let mut views: Vec<(Uuid, PermissionView)> = Vec::new();
    for row in rows {
        let (client_id, resource_id) = (parse_id(&row.client_id)?, parse_id(&row.resource_id)?);
        match views.last_mut() {
            Some((client, view)) if *client == client_id && view.resource_id == resource_id => {
                view.roles.push(row.role);
            }
            _ => views.push((client_id, permission(resource_id, row)?)),
        }
    }
    Ok(views)
}

fn permission(resource_id: Uuid, row: PermissionRow) -> Result<PermissionView, StoreError> {
    Ok(PermissionView {
        resource_id,
        resource_name: row.resource_name,
        environment: row
            .environment
            .parse()
            .map_err(|_| StoreError::Corrupt("environment"))?,
        token_lifetime_seconds: row.token_lifetime_seconds,
        roles: vec![row.role],
    })
}
