//! A person's own account: authentication factors and sessions.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{OptionalExtension, prelude::*};
use domain::{audit::Entry, digest::Digest};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{organisations, recovery_codes, sessions, users},
    },
    outbox::{
        mails::{Notice, add_notice, add_notice_to},
        plans::MailKind,
    },
    people::{
        enrolments::replace_recovery_codes,
        sessions::{ABSOLUTE, IDLE},
        sign_in_attempts::{Counter, forget, forgive},
    },
};

/// A person's authentication factors, without the factors themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether an authenticator is set up.
    pub has_authenticator: bool,
    /// The issuer of the identity at an external provider that is bound to the account.
    pub identity_issuer: Option<String>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

/// Which of some people can sign in.
#[derive(Clone, Debug, Default)]
pub struct SignInEligibility {
    /// Those with all factors that sign-in needs.
    pub enrolled: HashSet<Uuid>,
    /// Those who can sign in now and have a role that manages applications.
    pub able: HashSet<Uuid>,
}

/// One of a person's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSession {
    /// The digest of its token.
    pub digest: Digest,
    /// When it was opened by a sign-in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, accurate to half a minute.
    pub last_seen_at: DateTime<Utc>,
    /// The source address.
    pub source: Option<String>,
    /// The user agent.
    pub user_agent: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct FactorsRow {
    password_hash: Option<String>,
    totp_secret: Option<Vec<u8>>,
    identity_issuer: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    digest: Vec<u8>,
    created_at: NaiveDateTime,
    last_seen_at: NaiveDateTime,
    source: Option<String>,
    user_agent: Option<String>,
}

/// A change of an authentication factor. Every other session ends.
#[derive(Clone, Debug)]
pub enum FactorChange {
    /// A new password hash, Argon2id in PHC form.
    Password(String),
    /// A new authenticator, with its recovery codes.
    Authenticator {
        /// The sealed TOTP secret.
        secret: Vec<u8>,
        /// The time step of the code that confirmed it.
        step: i64,
        /// Digests of the recovery codes.
        recovery_codes: Vec<Digest>,
    },
    /// New recovery codes, as digests.
    RecoveryCodes(Vec<Digest>),
}

impl Store {
    /// A person's authentication factors.
    pub async fn account(&self, user_id: Uuid) -> Result<Option<Account>, StoreError> {
        self.run(move |connection| {
            let id = user_id.to_string();
            let factors = users::table
                .find(&id)
                .select(FactorsRow::as_select())
                .first(connection)
                .optional()?;
            let recovery_codes = recovery_codes::table.filter(recovery_codes::user_id.eq(&id));
            let recovery_codes = recovery_codes.count().get_result(connection)?;
            Ok(factors.map(|factors| Account {
                has_password: factors.password_hash.is_some(),
                has_authenticator: factors.totp_secret.is_some(),
                identity_issuer: factors.identity_issuer,
                recovery_codes,
            }))
        })
        .await
    }

    /// Which of these people can sign in.
    pub async fn sign_in_eligibility(&self, people: Vec<Uuid>) -> Result<SignInEligibility, StoreError> {
        self.run(move |connection| {
            let people: Vec<String> = people.iter().map(Uuid::to_string).collect();
            let enrolled: Vec<String> = users::table
                .filter(users::id.eq_any(people.clone()))
                .filter(is_enrolled())
                .select(users::id)
                .load(connection)?;
            let able: Vec<String> = users::table
                .left_join(organisations::table)
                .filter(users::id.eq_any(people))
                .filter(is_able_manager())
                .filter(
                    organisations::enabled
                        .nullable()
                        .is_null()
                        .or(organisations::enabled.nullable().eq(true)),
                )
                .select(users::id)
                .load(connection)?;
            let set = |ids: Vec<String>| -> Result<HashSet<Uuid>, StoreError> {
                ids.iter().map(|id| parse_id(id)).collect()
            };
            Ok(SignInEligibility {
                enrolled: set(enrolled)?,
                able: set(able)?,
            })
        })
        .await
    }

    /// Appends an audit event without a change, and queues notices of it.
    pub async fn record_with_notices(&self, entry: Entry, notices: Vec<Notice>) -> Result<(), StoreError> {
        let now = entry.event.at;
        self.audited(entry, move |connection| {
            notices
                .into_iter()
                .try_for_each(|notice| add_notice(connection, notice, now))
        })
        .await
    }

    /// After a successful verification: resets the counter `own`, and takes this attempt back from `shared`.
    pub async fn forgive_attempts(
        &self,
        own: Option<Digest>,
        shared: Vec<Counter>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            forgive(connection, &shared)?;
            own.map_or(Ok(()), |own| forget(connection, &own))
        })
        .await
    }

    /// Changes an authentication factor, ends every session but `kept`, and notifies the person (P-04).
    pub async fn change_factor(
        &self,
        user_id: Uuid,
        kept: Digest,
        change: FactorChange,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let now = entry.event.at;
        self.audited(entry, move |connection| {
            let id = user_id.to_string();
            let kind = apply(connection, &id, change)?;
            let email: String = users::table.find(&id).select(users::email).first(connection)?;
            add_notice_to(connection, (&email, kind), now)?;
            let others = sessions::table
                .filter(sessions::user_id.eq(&id))
                .filter(sessions::digest.ne(kept.to_vec()));
            diesel::delete(others).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// A person's live sessions, the last used first.
    pub async fn sessions_of(
        &self,
        user_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<OwnSession>, StoreError> {
        self.run(move |connection| {
            let at = now.naive_utc();
            let rows: Vec<SessionRow> = sessions::table
                .filter(sessions::user_id.eq(user_id.to_string()))
                .filter(sessions::last_seen_at.gt(at - IDLE))
                .filter(sessions::created_at.gt(at - ABSOLUTE))
                .order(sessions::last_seen_at.desc())
                .select(SessionRow::as_select())
                .load(connection)?;
            rows.into_iter().map(OwnSession::try_from).collect()
        })
        .await
    }

    /// Ends some of a person's sessions.
    pub async fn end_sessions(
        &self,
        user_id: Uuid,
        which: Vec<Digest>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let which: Vec<Vec<u8>> = which.iter().map(|digest| digest.to_vec()).collect();
            let own = sessions::table
                .filter(sessions::user_id.eq(user_id.to_string()))
                .filter(sessions::digest.eq_any(which));
            diesel::delete(own).execute(connection)?;
            Ok(())
        })
        .await
    }
}

/// Has a password and an authenticator, or an identity at the OpenID provider.
#[diesel::dsl::auto_type]
pub(crate) fn is_enrolled() -> _ {
    let by_password = users::password_hash
        .is_not_null()
        .and(users::totp_secret.is_not_null());
    by_password.or(users::identity_subject.is_not_null())
}

/// Enabled, enrolled, and with a role that manages applications.
#[diesel::dsl::auto_type]
pub(crate) fn is_able_manager() -> _ {
    let manager: &'static str = "%credential_manager%";
    let admin: &'static str = "%admin%";
    let manages = users::roles.like(manager).or(users::roles.like(admin));
    users::enabled.and(manages).and(is_enrolled())
}

fn apply(connection: &mut AnyConnection, id: &str, change: FactorChange) -> Result<MailKind, StoreError> {
    let person = users::table.find(id);
    Ok(match change {
        FactorChange::Password(hash) => {
            diesel::update(person)
                .set(users::password_hash.eq(Some(hash)))
                .execute(connection)?;
            MailKind::PasswordChanged
        }
        FactorChange::Authenticator {
            secret,
            step,
            recovery_codes,
        } => {
            let authenticator = (
                users::totp_secret.eq(Some(secret)),
                users::totp_last_step.eq(step),
            );
            diesel::update(person).set(authenticator).execute(connection)?;
            replace_recovery_codes(connection, id, &recovery_codes)?;
            MailKind::AuthenticatorChanged
        }
        FactorChange::RecoveryCodes(codes) => {
            replace_recovery_codes(connection, id, &codes)?;
            MailKind::RecoveryCodesReplaced
        }
    })
}

impl TryFrom<SessionRow> for OwnSession {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let digest = row.digest.try_into();
        Ok(Self {
            digest: digest.map_err(|_| StoreError::Corrupt("digest of a session"))?,
            created_at: row.created_at.and_utc(),
            last_seen_at: row.last_seen_at.and_utc(),
            source: row.source,
            user_agent: row.user_agent,
        })
    }
}
