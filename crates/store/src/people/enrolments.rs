//! Enrolments: one-time links by which a person sets a password, and an authenticator if there is none yet.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{OptionalExtension, dsl::IsNotNull, prelude::*};
use domain::{audit::Entry, digest::Digest, user::User};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{enrolments, recovery_codes, users},
    },
    error::require_rows,
    outbox::{
        mails::{Notice, add_notice, add_notice_to},
        plans::MailKind,
    },
    people::{
        sign_in_attempts::forgive_account,
        users::{Row, end_sessions, user},
    },
};

/// An open enrolment.
#[derive(Clone)]
pub struct Enrolment {
    /// The person.
    pub user: User,
    /// Whether they have a password already.
    pub has_password: bool,
    /// Whether the person keeps the existing authenticator.
    pub keeps_totp: bool,
    /// The chosen password's hash, Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// The TOTP secret of the new authenticator, or of the one that is kept; sealed.
    pub totp_secret: Option<Vec<u8>>,
}

/// A new one-time link.
#[derive(Clone)]
pub struct NewEnrolment {
    /// The person.
    pub user_id: Uuid,
    /// The link's digest.
    pub digest: Digest,
    /// When the link expires.
    pub expires_at: DateTime<Utc>,
    /// Whether a new authenticator replaces the existing one.
    pub replaces_totp: bool,
    /// The key of the account's sign-in attempt counters.
    pub account: Digest,
    /// The mail that brings the link.
    pub mail: Option<Notice>,
}

/// The result of an enrolment.
#[derive(Clone)]
pub struct CompletedEnrolment {
    /// The person.
    pub user_id: Uuid,
    /// The link's digest.
    pub digest: Digest,
    /// The password hash, Argon2id in PHC form.
    pub password_hash: String,
    /// The new authenticator: its sealed TOTP secret, and the digests of new recovery codes; `None` keeps the old
    /// one.
    pub authenticator: Option<(Vec<u8>, Vec<Digest>)>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrolments)]
struct EnrolmentRow {
    #[diesel(embed)]
    person: Row,
    #[diesel(select_expression = users::password_hash.is_not_null(), select_expression_type = IsNotNull<users::password_hash>)]
    has_password: bool,
    keeps_totp: bool,
    password_hash: Option<String>,
    totp_secret: Option<Vec<u8>>,
    #[diesel(select_expression = users::totp_secret)]
    kept_totp_secret: Option<Vec<u8>>,
}

impl Store {
    /// Opens an enrolment, replacing the person's earlier one, and lifts a lock-out of the account. An existing
    /// authenticator is kept, unless `replaces_totp`.
    pub async fn open_enrolment(&self, new: NewEnrolment, entry: Entry) -> Result<(), StoreError> {
        let now = entry.event.at;
        self.audited(entry, move |connection| {
            let id = new.user_id.to_string();
            forgive_account(connection, &new.account)?;
            let totp: Option<Vec<u8>> = users::table
                .find(&id)
                .select(users::totp_secret)
                .first(connection)?;
            diesel::delete(enrolments::table.find(&id)).execute(connection)?;
            let row = (
                enrolments::user_id.eq(&id),
                enrolments::digest.eq(new.digest.to_vec()),
                enrolments::expires_at.eq(new.expires_at.naive_utc()),
                enrolments::keeps_totp.eq(totp.is_some() && !new.replaces_totp),
            );
            diesel::insert_into(enrolments::table)
                .values(row)
                .execute(connection)?;
            match new.mail {
                Some(notice) => add_notice(connection, notice, now),
                None => Ok(()),
            }
        })
        .await
    }

    /// The open enrolment of a link.
    pub async fn enrolment(
        &self,
        digest: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<Enrolment>, StoreError> {
        self.run(move |connection| {
            let row = enrolments::table
                .inner_join(users::table)
                .filter(enrolments::digest.eq(digest.to_vec()))
                .filter(enrolments::expires_at.gt(now.naive_utc()))
                .filter(users::enabled)
                .select(EnrolmentRow::as_select())
                .first(connection)
                .optional()?;
            row.map(|row| {
                Ok(Enrolment {
                    user: user(row.person)?,
                    has_password: row.has_password,
                    keeps_totp: row.keeps_totp,
                    password_hash: row.password_hash,
                    totp_secret: if row.keeps_totp {
                        row.kept_totp_secret
                    } else {
                        row.totp_secret
                    },
                })
            })
            .transpose()
        })
        .await
    }

    /// Stores what was chosen until it is confirmed. The first call sets the link's expiry to `expires_at`; repeated
    /// calls don't extend it.
    pub async fn prepare_enrolment(
        &self,
        digest: Digest,
        password_hash: String,
        totp_secret: Option<Vec<u8>>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let open = enrolments::table.filter(enrolments::digest.eq(digest.to_vec()));
            let first = open.clone().filter(enrolments::password_hash.is_null());
            diesel::update(first)
                .set(enrolments::expires_at.eq::<NaiveDateTime>(expires_at.naive_utc()))
                .execute(connection)?;
            let chosen = (
                enrolments::password_hash.eq(Some(password_hash)),
                enrolments::totp_secret.eq(totp_secret),
            );
            require_rows(diesel::update(open).set(chosen).execute(connection)?)
        })
        .await
    }

    /// Activates password and authenticator and ends all of the person's sessions; once per link.
    pub async fn complete_enrolment(&self, done: CompletedEnrolment, entry: Entry) -> Result<(), StoreError> {
        let entry_at = entry.event.at;
        self.audited(entry, move |connection| {
            let id = done.user_id.to_string();
            let link = enrolments::table
                .find(&id)
                .filter(enrolments::digest.eq(done.digest.to_vec()));
            require_rows(diesel::delete(link).execute(connection)?)?;
            notify_owner(connection, &id, &done, entry_at)?;
            diesel::update(users::table.find(&id))
                .set(users::password_hash.eq(Some(done.password_hash)))
                .execute(connection)?;
            if let Some((secret, codes)) = done.authenticator {
                diesel::update(users::table.find(&id))
                    .set(users::totp_secret.eq(Some(secret)))
                    .execute(connection)?;
                replace_recovery_codes(connection, &id, &codes)?;
            }
            end_sessions(connection, &id)
        })
        .await
    }
}

pub(crate) fn replace_recovery_codes(
    connection: &mut AnyConnection,
    user_id: &str,
    codes: &[Digest],
) -> Result<(), StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id))).execute(connection)?;
    for code in codes {
        let row = (
            recovery_codes::digest.eq(code.to_vec()),
            recovery_codes::user_id.eq(user_id),
        );
        diesel::insert_into(recovery_codes::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

/// The person's factors before the enrolment.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct BeforeRow {
    email: String,
    password_hash: Option<String>,
    totp_secret: Option<Vec<u8>>,
}

/// P-04: notifies a person whose password or authenticator was replaced; setting the first ones is no change.
fn notify_owner(
    connection: &mut AnyConnection,
    id: &str,
    done: &CompletedEnrolment,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let before = users::table
        .find(id)
        .select(BeforeRow::as_select())
        .first(connection)?;
    let email = &before.email;
    if before.password_hash.is_some() {
        add_notice_to(connection, (email, MailKind::PasswordChanged), now)?;
    }
    if before.totp_secret.is_some() && done.authenticator.is_some() {
        add_notice_to(connection, (email, MailKind::AuthenticatorChanged), now)?;
    }
    Ok(())
}
