//! Mail preferences of a person.

use diesel::{OptionalExtension, prelude::*};
use domain::audit::Entry;
use uuid::Uuid;

use crate::{Store, StoreError, database::schema::mail_preferences};

impl Store {
    /// Whether a person wants urgent mail only.
    pub async fn urgent_mail_only(&self, user_id: Uuid) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let row: Option<bool> = mail_preferences::table
                .find(user_id.to_string())
                .select(mail_preferences::urgent_only)
                .first(connection)
                .optional()?;
            Ok(row.unwrap_or(false))
        })
        .await
    }

    /// Sets whether a person wants urgent mail only.
    pub async fn set_urgent_mail_only(
        &self,
        user_id: Uuid,
        urgent_only: bool,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let id = user_id.to_string();
            let row = mail_preferences::urgent_only.eq(urgent_only);
            let known = diesel::update(mail_preferences::table.find(&id)).set(row);
            if known.execute(connection)? == 0 {
                diesel::insert_into(mail_preferences::table)
                    .values((mail_preferences::user_id.eq(id), row))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }
}
