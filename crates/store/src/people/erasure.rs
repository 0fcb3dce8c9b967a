//! Erasure of personal data: references to the person become references to a pseudonym. The audit trail, which is
//! never changed, keeps the address under which they acted.

use diesel::prelude::*;
use domain::{audit::Entry, reminder::DeliveryState};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{
            client_secrets, credential_managers, enrolments, mail_preferences, mails, recovery_codes,
            reminders, sessions, users, webhooks,
        },
    },
};

/// A reserved domain (RFC 2606 section 2), so that no mail is ever delivered.
const NOWHERE: &str = "person.invalid";

impl Store {
    /// Replaces a disabled person's address and name by a pseudonym, and deletes their authentication factors.
    pub async fn erase_user(&self, id: Uuid, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let id = id.to_string();
            // A write comes first: SQLite refuses a transaction that reads before it writes while another connection
            // writes.
            forget_proofs(connection, &id)?;
            let (email, enabled): (String, bool) = users::table
                .find(&id)
                .select((users::email, users::enabled))
                .first(connection)?;
            if enabled {
                return Err(StoreError::Forbidden("disable the person first"));
            }
            let pseudonym = format!("erased-{id}@{NOWHERE}");
            forget_person(connection, &id, &pseudonym)?;
            rename_creator(connection, &email, &pseudonym)?;
            rename_recipient(connection, &email, &pseudonym)
        })
        .await
    }
}

fn forget_proofs(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(connection)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(connection)?;
    diesel::delete(enrolments::table.filter(enrolments::user_id.eq(id))).execute(connection)?;
    diesel::delete(mail_preferences::table.filter(mail_preferences::user_id.eq(id))).execute(connection)?;
    diesel::delete(credential_managers::table.filter(credential_managers::user_id.eq(id)))
        .execute(connection)?;
    Ok(())
}

fn forget_person(connection: &mut AnyConnection, id: &str, pseudonym: &str) -> Result<(), StoreError> {
    let nobody = (
        users::email.eq(pseudonym),
        users::display_name.eq("Erased person"),
        users::password_hash.eq(None::<String>),
        users::totp_secret.eq(None::<Vec<u8>>),
        users::identity_issuer.eq(None::<String>),
        users::identity_subject.eq(None::<String>),
    );
    diesel::update(users::table.find(id))
        .set(nobody)
        .execute(connection)?;
    Ok(())
}

fn rename_creator(connection: &mut AnyConnection, from: &str, to: &str) -> Result<(), StoreError> {
    diesel::update(client_secrets::table.filter(client_secrets::created_by.eq(from)))
        .set(client_secrets::created_by.eq(to))
        .execute(connection)?;
    diesel::update(credential_managers::table.filter(credential_managers::confirmed_by.eq(from)))
        .set(credential_managers::confirmed_by.eq(to))
        .execute(connection)?;
    diesel::update(credential_managers::table.filter(credential_managers::assigned_by.eq(from)))
        .set(credential_managers::assigned_by.eq(to))
        .execute(connection)?;
    diesel::update(webhooks::table.filter(webhooks::created_by.eq(from)))
        .set(webhooks::created_by.eq(to))
        .execute(connection)?;
    diesel::update(mails::table.filter(mails::actor.eq(from)))
        .set((mails::actor.eq(to), mails::source.eq(None::<String>)))
        .execute(connection)?;
    Ok(())
}

/// Pending mails to the person are readdressed to the pseudonym, and so never delivered.
fn rename_recipient(connection: &mut AnyConnection, from: &str, to: &str) -> Result<(), StoreError> {
    let waiting = mails::table
        .filter(mails::recipient.eq(from))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()));
    diesel::update(waiting)
        .set((
            mails::state.eq(DeliveryState::Suppressed.as_str()),
            mails::sealed.eq(None::<Vec<u8>>),
        ))
        .execute(connection)?;
    diesel::update(mails::table.filter(mails::recipient.eq(from)))
        .set(mails::recipient.eq(to))
        .execute(connection)?;
    diesel::update(reminders::table.filter(reminders::recipient.eq(from)))
        .set(reminders::recipient.eq(to))
        .execute(connection)?;
    Ok(())
}
