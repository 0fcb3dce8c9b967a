//! Organisations.

use diesel::{OptionalExtension, prelude::*};
use domain::{audit::Entry, organisation::Organisation};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{folding::folded, ids::parse_id, schema::organisations},
    directory::pages::Page,
    error::require_rows,
    people::users::end_sessions_of,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = organisations)]
struct Row {
    id: String,
    name: String,
    country_code: String,
    enabled: bool,
}

impl Store {
    /// Adds an organisation.
    pub async fn create_organisation(&self, new: Organisation, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let row = (
                organisations::id.eq(new.id.to_string()),
                organisations::name.eq(new.name),
                organisations::country_code.eq(new.country_code),
                organisations::enabled.eq(new.enabled),
            );
            diesel::insert_into(organisations::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// One organisation.
    pub async fn organisation(&self, id: Uuid) -> Result<Option<Organisation>, StoreError> {
        self.run(move |connection| {
            let row = organisations::table.find(id.to_string()).select(Row::as_select());
            let row = row.first(connection).optional()?;
            row.map(organisation).transpose()
        })
        .await
    }

    /// Finds an organisation by its unique name.
    pub async fn organisation_named(&self, name: String) -> Result<Option<Organisation>, StoreError> {
        self.run(move |connection| {
            let row = organisations::table
                .filter(organisations::name.eq(name))
                .select(Row::as_select());
            let row = row.first(connection).optional()?;
            row.map(organisation).transpose()
        })
        .await
    }

    /// Organisations by name.
    pub async fn organisations(&self, page: Page) -> Result<Vec<Organisation>, StoreError> {
        self.run(move |connection| {
            let rows = organisations::table
                .filter(organisations::name.gt(page.after))
                .filter(folded(organisations::name).like(page.like).escape('\\'))
                .order(organisations::name)
                .limit(page.limit)
                .select(Row::as_select())
                .load(connection)?;
            rows.into_iter().map(organisation).collect()
        })
        .await
    }

    /// Changes name or country; `None` keeps the old value.
    pub async fn change_organisation(
        &self,
        id: Uuid,
        (name, country_code): (Option<String>, Option<String>),
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let target = organisations::table.find(id.to_string());
            let (old_name, old_country): (String, String) = target
                .clone()
                .select((organisations::name, organisations::country_code))
                .first(connection)?;
            let new = (
                organisations::name.eq(name.unwrap_or(old_name)),
                organisations::country_code.eq(country_code.unwrap_or(old_country)),
            );
            diesel::update(target).set(new).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Enables or disables an organisation with all of its applications and people; disabling ends their sessions for
    /// good. In force on every node once [`crate::clients::memory::ClientMemory::settle`] has returned.
    pub async fn set_organisation_enabled(
        &self,
        id: Uuid,
        enabled: bool,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.change(None, entry, move |connection| {
            let target = diesel::update(organisations::table.find(id.to_string()));
            let target = target.set(organisations::enabled.eq(enabled));
            require_rows(target.execute(connection)?)?;
            match enabled {
                true => Ok(()),
                false => end_sessions_of(connection, &id.to_string()),
            }
        })
        .await
    }
}

fn organisation(row: Row) -> Result<Organisation, StoreError> {
    Ok(Organisation {
        id: parse_id(&row.id)?,
        name: row.name,
        country_code: row.country_code,
        enabled: row.enabled,
    })
}
