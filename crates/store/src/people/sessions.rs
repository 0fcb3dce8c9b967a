//! Sessions of people.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{OptionalExtension, prelude::*};
use domain::{audit::Entry, digest::Digest, policy::Principal, user::User};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{credential_managers, organisations, sessions, users},
    },
    people::{
        sign_in_attempts::{Counter, forget, forgive},
        users::{Row, user},
    },
};

/// Idle time-out of a session.
pub const IDLE: TimeDelta = TimeDelta::hours(1);
/// Absolute time-out of a session.
pub const ABSOLUTE: TimeDelta = TimeDelta::hours(12);
/// How often the last use of a session is recorded, at most.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(30);

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The person.
    pub user_id: Uuid,
    /// The digest of its token.
    pub digest: Digest,
    /// The user agent.
    pub user_agent: Option<String>,
    /// The counter of failed attempts that this sign-in resets.
    pub own: Option<Digest>,
    /// The counters from which only this attempt is taken back.
    pub shared: Vec<Counter>,
}

/// A live session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The person.
    pub user: User,
    /// The same person, for authorization.
    pub principal: Principal,
    /// When it ends unless it is used.
    pub expires_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    #[diesel(embed)]
    person: Row,
    created_at: NaiveDateTime,
    last_seen_at: NaiveDateTime,
}

impl Store {
    /// Opens a session and deletes ended ones. Refused, without an audit event, to a person who is disabled or whose
    /// organisation is.
    pub async fn open_session(&self, new: NewSession, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry.clone(), move |connection| {
            let now = entry.event.at.naive_utc();
            require_enabled(connection, new.user_id)?;
            let ended = sessions::table.filter(sessions::last_seen_at.lt(now - IDLE));
            diesel::delete(ended).execute(connection)?;
            forgive(connection, &new.shared)?;
            if let Some(own) = new.own {
                forget(connection, &own)?;
            }
            let row = (
                sessions::digest.eq(new.digest.to_vec()),
                sessions::user_id.eq(new.user_id.to_string()),
                sessions::created_at.eq(now),
                sessions::last_seen_at.eq(now),
                sessions::source.eq(entry.event.source),
                sessions::user_agent.eq(new.user_agent),
            );
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The session of a token, if it is live and its person and organisation are enabled. The caller says whether
    /// this counts as use: background requests of the page must not keep a session alive.
    pub async fn session(
        &self,
        digest: Digest,
        counts: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        self.run(move |connection| {
            let at = now.naive_utc();
            let row = sessions::table
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
                .select(SessionRow::as_select())
                .first(connection)
                .optional()?;
            let Some(row) = row else {
                return Ok(None);
            };
            if counts && at - row.last_seen_at > SEEN_EVERY {
                diesel::update(sessions::table.find(digest.to_vec()))
                    .set(sessions::last_seen_at.eq(at))
                    .execute(connection)?;
            }
            let user = user(row.person)?;
            let principal = Principal {
                user_id: user.id,
                email: user.email.clone(),
                roles: user.roles.clone(),
                manages: managed_by(connection, user.id)?,
            };
            let seen_at = if counts { now } else { row.last_seen_at.and_utc() };
            let expires_at = (seen_at + IDLE).min(row.created_at.and_utc() + ABSOLUTE);
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

fn require_enabled(connection: &mut AnyConnection, user_id: Uuid) -> Result<(), StoreError> {
    let enabled: i64 = users::table
        .left_join(organisations::table)
        .filter(users::id.eq(user_id.to_string()))
        .filter(users::enabled)
        .filter(
            organisations::enabled
                .nullable()
                .is_null()
                .or(organisations::enabled.nullable().eq(true)),
        )
        .count()
        .get_result(connection)?;
    match enabled {
        0 => Err(StoreError::Forbidden(
            "this person, or their organisation, is disabled",
        )),
        _ => Ok(()),
    }
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
