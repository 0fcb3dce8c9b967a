//! The paginated list of an application's credentials.

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

/// Rows that one search examines: a bound on its cost, whatever the application's history.
const LOOKED_AT: i64 = 5_000;

/// Filter of an application's credentials.
#[derive(Clone, Debug)]
pub struct SecretFilter {
    /// This kind.
    pub kind: CredentialKind,
    /// This status.
    pub status: Option<SecretStatus>,
    /// Names that contain this text.
    pub search: String,
    /// Pagination: after this expiry and id.
    pub after: Option<PageKey>,
    /// The maximum number of rows.
    pub limit: i64,
}

/// Pagination key: expiry and id.
pub type PageKey = (DateTime<Utc>, Uuid);

/// A page of an application's credentials.
#[derive(Clone, Debug)]
pub struct SecretPage {
    /// In order of expiry, the first to expire first.
    pub secrets: Vec<ClientSecret>,
    /// The key of the next page; `None` at the end.
    pub next: Option<PageKey>,
}

impl Store {
    /// An application's credentials of one kind, the first to expire first. A search may return fewer than the limit,
    /// with the key where to continue.
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

/// Up to one row more than the limit, and where the search stopped before the end of the list.
fn found(
    connection: &mut AnyConnection,
    client_id: Uuid,
    filter: &SecretFilter,
    now: DateTime<Utc>,
) -> Result<(Vec<Row>, Option<PageKey>), StoreError> {
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

/// The query for a list, with filter and order.
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
            // Redundant, but lets the database start its index scan here.
            .filter(client_secrets::expires_at.ge(at))
            .filter(client_secrets::expires_at.gt(at).or(same));
    }
    query
}
