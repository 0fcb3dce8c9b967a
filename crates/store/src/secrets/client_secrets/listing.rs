//! The credentials of an application, page by page.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{Connection, OptionalExtension, dsl::not, prelude::*};
use domain::{
    credential::CredentialKind,
    secret::{ClientSecret, SecretStatus},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, folding::folded, ids::parse_id, schema::client_secrets},
    directory::pages::pattern,
    outbox::history::add_notifications,
    secrets::client_secrets::view::{Row, add_counts, secret},
};

/// How many secrets one search looks at: what it costs does not grow with what an application has had.
const LOOKED_AT: i64 = 5_000;

/// Which credentials of an application a list shows.
#[derive(Clone, Debug)]
pub struct SecretFilter {
    /// Only those of this kind.
    pub kind: CredentialKind,
    /// Only those in this state.
    pub status: Option<SecretStatus>,
    /// Only those whose name holds this text.
    pub search: String,
    /// Only those after this expiry and id.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: i64,
}

/// Expiry and id: the place of a secret in the list of its application.
pub type Place = (DateTime<Utc>, Uuid);

/// A part of the secrets of an application.
#[derive(Clone, Debug)]
pub struct SecretPage {
    /// Those that expire first at the beginning.
    pub secrets: Vec<ClientSecret>,
    /// Where the list goes on; none at its end.
    pub next: Option<Place>,
}

impl Store {
    /// The credentials of an application of one kind, those that expire first at the beginning. A search may end before it has
    /// found as many as were asked for, and says where to go on.
    pub async fn secrets(
        &self,
        client_id: Uuid,
        filter: SecretFilter,
        now: DateTime<Utc>,
    ) -> Result<SecretPage, StoreError> {
        self.run(move |connection| {
            let (rows, end) = found(connection, client_id, &filter, now)?;
            let full = i64::try_from(rows.len()).is_ok_and(|rows| rows > filter.limit);
            let mut secrets: Vec<ClientSecret> = rows.into_iter().map(secret).collect::<Result<_, _>>()?;
            secrets.truncate(usize::try_from(filter.limit).unwrap_or_default());
            let last = secrets.last().map(|one| (one.expires_at, one.id));
            add_counts(connection, &mut secrets, now)?;
            add_notifications(connection, &mut secrets)?;
            let next = if full { last } else { end };
            Ok(SecretPage { secrets, next })
        })
        .await
    }
}

type Shown = client_secrets::BoxedQuery<'static, <AnyConnection as Connection>::Backend>;

/// One row more than is wanted where there are more, and the place at which the search ended before the list did.
fn found(
    connection: &mut AnyConnection,
    client_id: Uuid,
    filter: &SecretFilter,
    now: DateTime<Utc>,
) -> Result<(Vec<Row>, Option<Place>), StoreError> {
    let mut query = shown(client_id, filter, now).limit(filter.limit + 1);
    let mut end = None;
    if !filter.search.is_empty() {
        let looked_at: Option<(NaiveDateTime, String)> = shown(client_id, filter, now)
            .offset(LOOKED_AT)
            .limit(1)
            .select((client_secrets::expires_at, client_secrets::id))
            .first(connection)
            .optional()?;
        query = query.filter(
            folded(client_secrets::name)
                .like(pattern(&filter.search))
                .escape('\\'),
        );
        if let Some((at, id)) = looked_at {
            let same = client_secrets::expires_at
                .eq(at)
                .and(client_secrets::id.le(id.clone()));
            query = query
                .filter(client_secrets::expires_at.le(at))
                .filter(client_secrets::expires_at.lt(at).or(same));
            end = Some((at.and_utc(), parse_id(&id)?));
        }
    }
    Ok((query.select(Row::as_select()).load(connection)?, end))
}

/// What a list shows of an application, in its order.
fn shown(client_id: Uuid, filter: &SecretFilter, now: DateTime<Utc>) -> Shown {
    let mut query = client_secrets::table
        .filter(client_secrets::client_id.eq(client_id.to_string()))
        .filter(client_secrets::kind.eq(filter.kind.as_str()))
        .filter(client_secrets::deleted_at.is_null())
        .order((client_secrets::expires_at, client_secrets::id))
        .into_boxed();
    let (from, until) = filter.status.map_or((None, None), |status| status.expiries(now));
    if let Some(from) = from {
        query = query.filter(client_secrets::expires_at.ge(from.naive_utc()));
    }
    if let Some(until) = until {
        query = query.filter(client_secrets::expires_at.lt(until.naive_utc()));
    }
    let suspended = client_secrets::suspended_until.gt(now.naive_utc());
    query = match filter.status {
        Some(SecretStatus::Suspended) => query.filter(suspended),
        Some(SecretStatus::Active | SecretStatus::Expiring) => {
            query.filter(client_secrets::suspended_until.is_null().or(not(suspended)))
        }
        Some(SecretStatus::Expired) | None => query,
    };
    if let Some((at, id)) = filter.after {
        let at = at.naive_utc();
        let same = client_secrets::expires_at
            .eq(at)
            .and(client_secrets::id.gt(id.to_string()));
        query = query
            // Says nothing new, but lets the index begin here.
            .filter(client_secrets::expires_at.ge(at))
            .filter(client_secrets::expires_at.gt(at).or(same));
    }
    query
}
