//! Sessions of people, and the attempts to open one.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::{audit::Entry, pepper::Digest, policy::Principal, user::User};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{credential_managers, organisations, sessions, sign_in_attempts, users},
    },
    people::users::{COLUMNS, Row, user},
};

/// A session without a request for this long has ended.
pub const IDLE: TimeDelta = TimeDelta::hours(1);
/// A session has ended after this, whatever happens in it.
pub const ABSOLUTE: TimeDelta = TimeDelta::hours(12);
/// Attempts are counted over this window.
pub const ATTEMPT_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// A session's last request is written down at most this often.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(30);

/// A session that is alive.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose it is.
    pub user: User,
    /// The same person, for decisions.
    pub principal: Principal,
    /// When it ends if nothing more happens.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Counts an attempt before anything is checked, and returns how many there were in the current window, with the
    /// window's end.
    pub async fn count_attempt(
        &self,
        subject: Digest,
        now: DateTime<Utc>,
    ) -> Result<(i64, DateTime<Utc>), StoreError> {
        self.run(move |connection| {
            // Two first attempts at once: the second insert conflicts, and then there is a row to count in.
            match connection.transaction(|connection| count(connection, &subject, now)) {
                Err(StoreError::Conflict) => {
                    connection.transaction(|connection| count(connection, &subject, now))
                }
                outcome => outcome,
            }
        })
        .await
    }

    /// Opens a session and forgets sessions that have ended. All attempts of `account` are forgotten, of those of
    /// `source` this one.
    pub async fn open_session(
        &self,
        user_id: Uuid,
        digest: Digest,
        (account, source): (Option<Digest>, Digest),
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry.clone(), move |connection| {
            let now = entry.event.at.naive_utc();
            let ended = sessions::table.filter(sessions::last_seen_at.lt(now - IDLE));
            diesel::delete(ended).execute(connection)?;
            if let Some(account) = account {
                diesel::delete(sign_in_attempts::table.find(account.to_vec())).execute(connection)?;
            }
            diesel::update(sign_in_attempts::table.find(source.to_vec()))
                .set(sign_in_attempts::attempts.eq(sign_in_attempts::attempts - 1))
                .execute(connection)?;
            let row = (
                sessions::digest.eq(digest.to_vec()),
                sessions::user_id.eq(user_id.to_string()),
                sessions::created_at.eq(now),
                sessions::last_seen_at.eq(now),
            );
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The session of a token, if it is alive and its person and their organisation are enabled. Whether this counts as
    /// use is for the caller to say: what a page asks by itself must not keep a session alive.
    pub async fn session(
        &self,
        digest: Digest,
        counts: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        self.run(move |connection| {
            type Times = (NaiveDateTime, NaiveDateTime);
            let at = now.naive_utc();
            let row: Option<(Row, Times)> = sessions::table
                .inner_join(users::table.left_join(organisations::table))
                .filter(sessions::digest.eq(digest.to_vec()))
                .filter(sessions::last_seen_at.gt(at - IDLE))
                .filter(sessions::created_at.gt(at - ABSOLUTE))
                .filter(users::enabled)
                .filter(
                    organisations::enabled
                        .nullable()
                        .is_null()
                        .or(organisations::enabled.nullable().eq(true)),
                )
                .select((COLUMNS, (sessions::created_at, sessions::last_seen_at)))
                .first(connection)
                .optional()?;
            let Some((person, (created_at, last_seen_at))) = row else {
                return Ok(None);
            };
            if counts && at - last_seen_at > SEEN_EVERY {
                diesel::update(sessions::table.find(digest.to_vec()))
                    .set(sessions::last_seen_at.eq(at))
                    .execute(connection)?;
            }
            let user = user(person)?;
            let principal = Principal {
                user_id: user.id,
                email: user.email.clone(),
                roles: user.roles.clone(),
                manages: managed_by(connection, user.id)?,
            };
            let seen_at = if counts { now } else { last_seen_at.and_utc() };
            let expires_at = (seen_at + IDLE).min(created_at.and_utc() + ABSOLUTE);
            Ok(Some(Session {
                user,
                principal,
                expires_at,
            }))
        })
        .await
    }

    /// Ends a session.
    pub async fn close_session(&self, digest: Digest, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            diesel::delete(sessions::table.find(digest.to_vec())).execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn count(
    connection: &mut AnyConnection,
    subject: &Digest,
    now: DateTime<Utc>,
) -> Result<(i64, DateTime<Utc>), StoreError> {
    let (at, key) = (now.naive_utc(), subject.to_vec());
    let current = sign_in_attempts::table
        .find(key.clone())
        .filter(sign_in_attempts::window_began_at.gt(at - ATTEMPT_WINDOW));
    let counted = diesel::update(current)
        .set(sign_in_attempts::attempts.eq(sign_in_attempts::attempts + 1))
        .execute(connection)?;
    if counted == 0 {
        let old = sign_in_attempts::window_began_at.le(at - ATTEMPT_WINDOW);
        diesel::delete(sign_in_attempts::table.filter(old)).execute(connection)?;
        let row = (
            sign_in_attempts::subject.eq(key.clone()),
            sign_in_attempts::window_began_at.eq(at),
            sign_in_attempts::attempts.eq(1),
        );
        diesel::insert_into(sign_in_attempts::table)
            .values(row)
            .execute(connection)?;
    }
    let (began_at, attempts): (NaiveDateTime, i64) = sign_in_attempts::table
        .find(key)
        .select((sign_in_attempts::window_began_at, sign_in_attempts::attempts))
        .first(connection)?;
    Ok((attempts, began_at.and_utc() + ATTEMPT_WINDOW))
}

fn managed_by(connection: &mut AnyConnection, user_id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let ids = credential_managers::table
        .filter(credential_managers::user_id.eq(user_id.to_string()))
        .select(credential_managers::client_id);
    ids.load::<String>(connection)?
        .iter()
        .map(|id| parse_id(id))
        .collect()
}
