//! Credential managers: people assigned to applications of their own organisation.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::{audit::Entry, policy::Role, user::Assignment};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{applications, credential_managers, users},
    },
    error::require_rows,
};

/// An assignment with the person's name.
#[derive(Clone, Debug)]
pub struct ManagerView {
    /// The assignment.
    pub assignment: Assignment,
    /// The person's address.
    pub email: String,
    /// The person's name.
    pub display_name: String,
    /// Whether the person may sign in.
    pub enabled: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = credential_managers)]
struct Row {
    client_id: String,
    user_id: String,
    confirmed_by: String,
    confirmed_at: NaiveDateTime,
    assigned_by: String,
    #[diesel(select_expression = users::email)]
    email: String,
    #[diesel(select_expression = users::display_name)]
    display_name: String,
    #[diesel(select_expression = users::enabled)]
    enabled: bool,
}

/// The person to be assigned.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct PersonRow {
    organisation_id: Option<String>,
    roles: String,
    enabled: bool,
}

impl Store {
    /// Assigns a manager; effective from the person's next request on.
    pub async fn assign_manager(&self, new: Assignment, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let (client_id, user_id) = (new.client_id.to_string(), new.user_id.to_string());
            let owner: String = applications::table
                .find(&client_id)
                .select(applications::organisation_id)
                .first(connection)?;
            let person = users::table
                .find(&user_id)
                .select(PersonRow::as_select())
                .first(connection)?;
            let has = |wanted: Role| {
                person
                    .roles
                    .split_whitespace()
                    .any(|role| role == wanted.as_str())
            };
            // An admin may step in for another organisation in an emergency.
            let is_admin = has(Role::Admin);
            if person.organisation_id.as_ref() != Some(&owner) && !is_admin {
                return Err(StoreError::Forbidden(
                    "only a user of the organisation that owns the application can be its manager",
                ));
            }
            if !has(Role::CredentialManager) && !is_admin {
                return Err(StoreError::Forbidden(
                    "this user is no credential manager: give the user that role first",
                ));
            }
            if !person.enabled {
                return Err(StoreError::Forbidden(
                    "this user is disabled: enable the user first",
                ));
            }
            let row = (
                credential_managers::client_id.eq(client_id),
                credential_managers::user_id.eq(user_id),
                credential_managers::confirmed_by.eq(new.confirmed_by),
                credential_managers::confirmed_at.eq(new.confirmed_at.naive_utc()),
                credential_managers::assigned_by.eq(new.assigned_by),
            );
            diesel::insert_into(credential_managers::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Ends an assignment; effective from the person's next request on.
    pub async fn remove_manager(
        &self,
        client_id: Uuid,
        user_id: Uuid,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let key = (client_id.to_string(), user_id.to_string());
            require_rows(diesel::delete(credential_managers::table.find(key)).execute(connection)?)
        })
        .await
    }
}

pub(crate) fn managers_of(
    connection: &mut AnyConnection,
    client_ids: &[String],
) -> Result<Vec<ManagerView>, StoreError> {
    let rows = credential_managers::table
        .inner_join(users::table)
        .filter(credential_managers::client_id.eq_any(client_ids.to_vec()))
        .select(Row::as_select())
        .order(users::email)
        .load(connection)?;
    rows.into_iter().map(view).collect()
}

fn view(row: Row) -> Result<ManagerView, StoreError> {
    Ok(ManagerView {
        assignment: Assignment {
            client_id: parse_id(&row.client_id)?,
            user_id: parse_id(&row.user_id)?,
            confirmed_by: row.confirmed_by,
            confirmed_at: row.confirmed_at.and_utc(),
            assigned_by: row.assigned_by,
        },
        email: row.email,
        display_name: row.display_name,
        enabled: row.enabled,
    })
}
