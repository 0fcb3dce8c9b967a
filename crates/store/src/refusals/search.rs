//! Search in the refusal record.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::source::network;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{applications, client_secrets, refusal_traces, refusals},
    },
};

/// Filter of refusals; `None` matches any.
#[derive(Clone, Debug, Default)]
pub struct RefusalFilter {
    /// This client.
    pub client_id: Option<Uuid>,
    /// Clients of this organisation.
    pub organisation_id: Option<Uuid>,
    /// The request with this id.
    pub trace_id: Option<Uuid>,
    /// The network of this address.
    pub source: Option<IpAddr>,
    /// Pagination: only refusals before this last time and id.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// Aggregated refusals with the same cause, client, credential and network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRecord {
    /// Permanent.
    pub id: Uuid,
    /// When it first happened on its day.
    pub at: DateTime<Utc>,
    /// The id of that request, or of the one searched for.
    pub trace_id: String,
    /// When it last happened.
    pub last_at: DateTime<Utc>,
    /// The id of that request.
    pub last_trace_id: String,
    /// How often it happened.
    pub times: i64,
    /// The client id in the requests, which may not exist.
    pub client_id: Option<Uuid>,
    /// The cause, as named in the log and the metrics.
    pub cause: String,
    /// The route.
    pub route: String,
    /// The last source address.
    pub source: String,
    /// The last user agent.
    pub user_agent: String,
    /// The last requested resource.
    pub resource: Option<String>,
    /// The credential whose possession was proved.
    pub credential_id: Option<Uuid>,
    /// The credential's name.
    pub credential_name: Option<String>,
    /// The first characters of its secret.
    pub hint: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refusals)]
struct Row {
    id: String,
    client_id: Option<String>,
    credential_id: Option<String>,
    cause: String,
    route: String,
    source: String,
    user_agent: String,
    resource: Option<String>,
    first_at: NaiveDateTime,
    last_at: NaiveDateTime,
    trace_id: String,
    last_trace_id: String,
    times: i64,
}

impl Store {
    /// Refusals, the latest first.
    pub async fn refusals(
        &self,
        filter: RefusalFilter,
        limit: i64,
    ) -> Result<Vec<RefusalRecord>, StoreError> {
        self.run(move |connection| {
            let traced = filter.trace_id.map(|id| traced(connection, id)).transpose()?;
            let mut query = refusals::table.select(Row::as_select()).into_boxed();
            if let Some(traced) = &traced {
                query = query.filter(refusals::id.eq_any(traced.keys().cloned().collect::<Vec<_>>()));
            }
            if let Some(id) = filter.client_id {
                query = query.filter(refusals::client_id.eq(id.to_string()));
            }
            if let Some(id) = filter.organisation_id {
                let own = applications::table
                    .filter(applications::organisation_id.eq(id.to_string()))
                    .select(applications::client_id.nullable());
                query = query.filter(refusals::client_id.eq_any(own));
            }
            if let Some(source) = filter.source {
                query = query.filter(refusals::network.eq(network(source).to_string()));
            }
            if let Some((at, id)) = filter.before {
                let at = at.naive_utc();
                let same = refusals::last_at.eq(at).and(refusals::id.lt(id.to_string()));
                query = query.filter(refusals::last_at.lt(at).or(same));
            }
            let rows: Vec<Row> = query
                .order((refusals::last_at.desc(), refusals::id.desc()))
                .limit(limit)
                .load(connection)?;
            let credentials = credentials(connection, &rows)?;
            let traced = traced.unwrap_or_default();
            rows.into_iter()
                .map(|row| record(row, filter.trace_id, &traced, &credentials))
                .collect()
        })
        .await
    }
}

/// The rows that contain a request id, and when that request was made.
fn traced(connection: &mut AnyConnection, id: Uuid) -> Result<HashMap<String, NaiveDateTime>, StoreError> {
    let id = id.to_string();
    let firsts: Vec<(String, NaiveDateTime)> = refusals::table
        .filter(refusals::trace_id.eq(&id))
        .select((refusals::id, refusals::first_at))
        .load(connection)?;
    let latest: Vec<(String, NaiveDateTime)> = refusal_traces::table
        .filter(refusal_traces::trace_id.eq(&id))
        .select((refusal_traces::refusal_id, refusal_traces::at))
        .load(connection)?;
    Ok(firsts.into_iter().chain(latest).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
struct CredentialRow {
    id: String,
    name: String,
    hint: String,
}

/// By their ids.
type Credentials = HashMap<String, CredentialRow>;

fn credentials(connection: &mut AnyConnection, rows: &[Row]) -> Result<Credentials, StoreError> {
    let ids: Vec<String> = rows.iter().filter_map(|row| row.credential_id.clone()).collect();
    let found = client_secrets::table
        .filter(client_secrets::id.eq_any(ids))
        .select(CredentialRow::as_select())
        .load(connection)?;
    Ok(found.into_iter().map(|row| (row.id.clone(), row)).collect())
}

fn record(
    row: Row,
    trace_id: Option<Uuid>,
    traced: &HashMap<String, NaiveDateTime>,
    credentials: &Credentials,
) -> Result<RefusalRecord, StoreError> {
    let credential = row.credential_id.as_ref().and_then(|id| credentials.get(id));
    let at = traced.get(&row.id).copied();
    Ok(RefusalRecord {
        at: at.unwrap_or(row.first_at).and_utc(),
        trace_id: at.and(trace_id).map_or(row.trace_id, |id| id.to_string()),
        id: parse_id(&row.id)?,
        last_at: row.last_at.and_utc(),
        last_trace_id: row.last_trace_id,
        times: row.times,
        client_id: row.client_id.as_deref().map(parse_id).transpose()?,
        cause: row.cause,
        route: row.route,
        source: row.source,
        user_agent: row.user_agent,
        resource: row.resource,
        credential_id: row.credential_id.as_deref().map(parse_id).transpose()?,
        credential_name: credential.map(|one| one.name.clone()),
        hint: credential.map(|one| one.hint.clone()),
    })
}
