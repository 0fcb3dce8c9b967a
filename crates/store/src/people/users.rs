//! People.

use chrono::NaiveDateTime;
use diesel::{OptionalExtension, prelude::*};
use domain::{audit::Entry, policy::Role, user::User};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        folding::folded,
        ids::parse_id,
        schema::{applications, credential_managers, recovery_codes, sessions, users},
    },
    directory::pages::Page,
    error::require_rows,
    outbox::{mails::add_notice_to, plans::MailKind},
};

/// A person with their authentication factors.
#[derive(Clone)]
pub struct SignInRecord {
    /// The person.
    pub user: User,
    /// The password hash, Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// The TOTP secret, sealed.
    pub totp_secret: Option<Vec<u8>>,
}

/// A partial update of a person; `None` keeps the old value.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Whether they may sign in.
    pub enabled: Option<bool>,
    /// The roles.
    pub roles: Option<Vec<Role>>,
    /// The display name.
    pub display_name: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct Row {
    id: String,
    email: String,
    display_name: String,
    organisation_id: Option<String>,
    roles: String,
    enabled: bool,
    created_at: NaiveDateTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct SignInRow {
    #[diesel(embed)]
    person: Row,
    password_hash: Option<String>,
    totp_secret: Option<Vec<u8>>,
}

impl Store {
    /// Adds a person, who can't sign in before an enrolment.
    pub async fn create_user(&self, new: User, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let row = (
                users::id.eq(new.id.to_string()),
                users::email.eq(new.email),
                users::display_name.eq(new.display_name),
                users::organisation_id.eq(new.organisation_id.map(|id| id.to_string())),
                users::roles.eq(roles_text(&new.roles)),
                users::enabled.eq(new.enabled),
                users::created_at.eq(new.created_at.naive_utc()),
                users::totp_last_step.eq(0),
            );
            diesel::insert_into(users::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// One person.
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        self.run(move |connection| {
            let row = users::table
                .find(id.to_string())
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            row.map(user).transpose()
        })
        .await
    }

    /// People by e-mail address.
    pub async fn users(&self, page: Page) -> Result<Vec<User>, StoreError> {
        self.run(move |connection| {
            let by_address = folded(users::email).like(page.like.clone()).escape('\\');
            let by_name = folded(users::display_name).like(page.like).escape('\\');
            let mut query = users::table
                .filter(users::email.gt(page.after))
                .filter(by_address.or(by_name))
                .order(users::email)
                .limit(page.limit)
                .select(Row::as_select())
                .into_boxed();
            if let Some(id) = page.organisation_id {
                query = query.filter(users::organisation_id.eq(Some(id)));
            }
            let rows = query.load(connection)?;
            rows.into_iter().map(user).collect()
        })
        .await
    }

    /// Changes a person. Disabling ends all of their sessions. Assignments that the new roles do not allow end: all,
    /// for neither a credential manager nor an admin; those of other organisations, for a manager who is no admin.
    pub async fn change_user(&self, id: Uuid, change: UserChange, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let id = id.to_string();
            // A write comes first: SQLite refuses to upgrade a read transaction to a write once another connection
            // has written.
            let known = diesel::update(users::table.find(&id)).set(users::email.eq(users::email));
            require_rows(known.execute(connection)?)?;
            if let Some(roles) = change.roles {
                diesel::update(users::table.find(&id))
                    .set(users::roles.eq(roles_text(&roles)))
                    .execute(connection)?;
                end_assignments(connection, &id, &roles)?;
            }
            if let Some(name) = change.display_name {
                diesel::update(users::table.find(&id))
                    .set(users::display_name.eq(name))
                    .execute(connection)?;
            }
            if let Some(enabled) = change.enabled {
                diesel::update(users::table.find(&id))
                    .set(users::enabled.eq(enabled))
                    .execute(connection)?;
            }
            if change.enabled == Some(false) {
                end_sessions(connection, &id)?;
            }
            Ok(())
        })
        .await
    }

    /// What verifying a sign-in needs.
    pub async fn sign_in_record(&self, email: String) -> Result<Option<SignInRecord>, StoreError> {
        self.run(move |connection| {
            let row = users::table
                .filter(users::email.eq(email))
                .select(SignInRow::as_select())
                .first(connection)
                .optional()?;
            row.map(|row| {
                Ok(SignInRecord {
                    user: user(row.person)?,
                    password_hash: row.password_hash,
                    totp_secret: row.totp_secret,
                })
            })
            .transpose()
        })
        .await
    }

    /// Uses up a TOTP time step (replay protection): true for one caller only, and never for an earlier step.
    pub async fn consume_totp(&self, user_id: Uuid, step: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let unused = users::table
                .find(user_id.to_string())
                .filter(users::totp_last_step.lt(step));
            let rows = diesel::update(unused)
                .set(users::totp_last_step.eq(step))
                .execute(connection)?;
            Ok(rows == 1)
        })
        .await
    }

    /// Uses up a recovery code: true for one caller only.
    pub async fn consume_recovery_code(
        &self,
        user_id: Uuid,
        digests: Vec<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let digests: Vec<Vec<u8>> = digests.into_iter().map(|digest| digest.to_vec()).collect();
            let own = recovery_codes::table
                .filter(recovery_codes::digest.eq_any(digests))
                .filter(recovery_codes::user_id.eq(user_id.to_string()));
            Ok(diesel::delete(own).execute(connection)? == 1)
        })
        .await
    }

    /// The person to whom an identity at an external provider is bound.
    pub async fn user_by_identity(
        &self,
        issuer: String,
        subject: String,
    ) -> Result<Option<User>, StoreError> {
        self.run(move |connection| {
            let row = users::table
                .filter(users::identity_issuer.eq(issuer))
                .filter(users::identity_subject.eq(subject))
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            row.map(user).transpose()
        })
        .await
    }

    /// Unbinds a person's identity at an external provider, and ends their sessions: the next sign-in there is like
    /// the first one.
    pub async fn unbind_identity(&self, id: Uuid, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let id = id.to_string();
            let bound = users::table
                .find(&id)
                .filter(users::identity_subject.is_not_null());
            let nobody = (
                users::identity_issuer.eq(None::<String>),
                users::identity_subject.eq(None::<String>),
            );
            require_rows(diesel::update(bound).set(nobody).execute(connection)?)?;
            end_sessions(connection, &id)
        })
        .await
    }

    /// Binds an identity to the person with this address, who must have none yet, and notifies them (P-04).
    pub async fn bind_identity(
        &self,
        email: String,
        issuer: String,
        subject: String,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let now = entry.event.at;
        self.audited(entry, move |connection| {
            let unbound = users::table
                .filter(users::email.eq(&email))
                .filter(users::identity_subject.is_null());
            let identity = (
                users::identity_issuer.eq(Some(issuer)),
                users::identity_subject.eq(Some(subject)),
            );
            require_rows(diesel::update(unbound).set(identity).execute(connection)?)?;
            add_notice_to(connection, (&email, MailKind::IdentityBound), now)
        })
        .await
    }
}

pub(crate) fn user(row: Row) -> Result<User, StoreError> {
    Ok(User {
        id: parse_id(&row.id)?,
        email: row.email,
        display_name: row.display_name,
        organisation_id: row.organisation_id.as_deref().map(parse_id).transpose()?,
        roles: row
            .roles
            .split_whitespace()
            .map(|role| role.parse().map_err(|_| StoreError::Corrupt("role")))
            .collect::<Result<_, _>>()?,
        enabled: row.enabled,
        created_at: row.created_at.and_utc(),
    })
}

fn roles_text(roles: &[Role]) -> String {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    names.join(" ")
}

/// Ends assignments that these roles don't allow: an admin may have any, a credential manager those of their own
/// organisation.
fn end_assignments(connection: &mut AnyConnection, user_id: &str, roles: &[Role]) -> Result<(), StoreError> {
    if roles.contains(&Role::Admin) {
        return Ok(());
    }
    let works_at: Option<String> = users::table
        .find(user_id)
        .select(users::organisation_id)
        .first(connection)?;
    let stays = works_at.filter(|_| roles.contains(&Role::CredentialManager));
    let managed: Vec<(String, String)> = credential_managers::table
        .inner_join(applications::table.on(applications::client_id.eq(credential_managers::client_id)))
        .filter(credential_managers::user_id.eq(user_id))
        .select((applications::client_id, applications::organisation_id))
        .load(connection)?;
    for (client_id, owner) in managed {
        if stays.as_ref() != Some(&owner) {
            let assignment = credential_managers::table.find((client_id, user_id));
            diesel::delete(assignment).execute(connection)?;
        }
    }
    Ok(())
}

/// Ends all sessions of an organisation's people.
pub(crate) fn end_sessions_of(
    connection: &mut AnyConnection,
    organisation_id: &str,
) -> Result<(), StoreError> {
    let people = users::table
        .filter(users::organisation_id.eq(organisation_id))
        .select(users::id);
    let people: Vec<String> = people.load(connection)?;
    diesel::delete(sessions::table.filter(sessions::user_id.eq_any(people))).execute(connection)?;
    Ok(())
}

pub(crate) fn end_sessions(connection: &mut AnyConnection, user_id: &str) -> Result<(), StoreError> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(connection)?;
    Ok(())
}
