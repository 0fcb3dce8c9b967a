//! The nodes of a database: each counts its heartbeats in a row of its own, and reads the database's state with each.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    Connection, QueryableByName,
    prelude::*,
    sql_query,
    sql_types::{Bool, Timestamptz},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        postgres::PostgresConnection,
        schema::{change_counter, nodes},
    },
};

/// A heartbeat.
#[derive(Clone, Copy)]
pub(crate) struct Heartbeat {
    pub(crate) node: Uuid,
    pub(crate) lease_ms: i64,
    /// Its number; none is used twice.
    pub(crate) number: i64,
    /// The node's wall clock, for people who read the table.
    pub(crate) at: DateTime<Utc>,
}

/// The row of a node.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = nodes)]
pub(crate) struct NodeRow {
    pub(crate) id: String,
    pub(crate) lease_ms: i64,
    pub(crate) beats: i64,
}

/// The leases that a change has to wait for, as the database knows them.
pub(crate) struct Leases {
    pub(crate) nodes: Vec<NodeRow>,
    /// The longest lease of nodes of version 0.1, which have no rows; 0 if there were none.
    pub(crate) without_row_ms: i64,
}

/// The database's clock and replication state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Its clock; `None` where it is this machine's.
    pub clock: Option<DateTime<Utc>>,
    /// What copies it has.
    pub standbys: Standbys,
}

/// The standbys of a database, one of which may be promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standbys {
    /// No standby.
    None,
    /// Synchronous replication: a commit is on the standby before it is answered.
    Synchronous,
    /// At least one standby is asynchronous and may lack the last commits: a failover to it may lose a deletion.
    Asynchronous,
}

#[derive(QueryableByName)]
struct PostgresState {
    #[diesel(sql_type = Timestamptz)]
    clock: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    has_standbys: bool,
    #[diesel(sql_type = Bool)]
    names_synchronous: bool,
    #[diesel(sql_type = Bool)]
    has_asynchronous: bool,
}

/// A role that may not read the details of other connections sees that there are standbys, but none of them as
/// asynchronous.
const POSTGRES_STATE: &str = "SELECT clock_timestamp() AS clock, \
     EXISTS (SELECT FROM pg_stat_replication) AS has_standbys, \
     current_setting('synchronous_standby_names') <> '' AS names_synchronous, \
     EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'async') AS has_asynchronous";

impl Store {
    /// Commits a node's heartbeat. Success proves that the database could commit after the call began.
    pub(crate) async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        self.run_ahead(move |connection| {
            let mut once = || connection.transaction(|connection| write(connection, &heartbeat));
            match once() {
                // A poll and a heartbeat of a node that just started both tried to insert its row.
                Err(StoreError::Conflict) => once(),
                outcome => outcome,
            }
        })
        .await
    }

    /// The database's clock and replication state.
    pub(crate) async fn server_state(&self) -> Result<ServerState, StoreError> {
        self.run_ahead(server_state).await
    }

    /// Deletes the rows of dead nodes.
    pub(crate) async fn forget_nodes(&self, ids: Vec<String>) -> Result<(), StoreError> {
        self.run_ahead(move |connection| {
            diesel::delete(nodes::table.filter(nodes::id.eq_any(ids))).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The leases of all nodes that have a row.
    pub(crate) async fn leases(&self) -> Result<Leases, StoreError> {
        self.run(leases).await
    }

    /// The same for the poller, without queueing.
    pub(crate) async fn leases_ahead(&self) -> Result<Leases, StoreError> {
        self.run_ahead(leases).await
    }
}

fn leases(connection: &mut AnyConnection) -> Result<Leases, StoreError> {
    let (longest, raised) = change_counter::table
        .select((change_counter::longest_lease_ms, change_counter::raised_lease_ms))
        .first::<(i64, i64)>(connection)?;
    Ok(Leases {
        nodes: nodes::table.select(NodeRow::as_select()).load(connection)?,
        without_row_ms: if longest == raised { 0 } else { longest },
    })
}

fn write(connection: &mut AnyConnection, heartbeat: &Heartbeat) -> Result<(), StoreError> {
    let (id, at): (String, NaiveDateTime) = (heartbeat.node.to_string(), heartbeat.at.naive_utc());
    let known = diesel::update(nodes::table.find(&id))
        .set((
            nodes::beats.eq(heartbeat.number),
            nodes::lease_ms.eq(heartbeat.lease_ms),
            nodes::seen_at.eq(at),
        ))
        .execute(connection)?;
    if known > 0 {
        return Ok(());
    }
    let row = (
        nodes::id.eq(&id),
        nodes::lease_ms.eq(heartbeat.lease_ms),
        nodes::beats.eq(heartbeat.number),
        nodes::seen_at.eq(at),
    );
    diesel::insert_into(nodes::table)
        .values(row)
        .execute(connection)?;
    raise(connection, heartbeat.lease_ms)
}

/// Nodes of version 0.1 wait for `longest_lease_ms` only.
fn raise(connection: &mut AnyConnection, lease_ms: i64) -> Result<(), StoreError> {
    let shorter = change_counter::table.filter(change_counter::longest_lease_ms.lt(lease_ms));
    diesel::update(shorter)
        .set((
            change_counter::longest_lease_ms.eq(lease_ms),
            change_counter::raised_lease_ms.eq(lease_ms),
        ))
        .execute(connection)?;
    Ok(())
}

pub(crate) fn server_state(connection: &mut AnyConnection) -> Result<ServerState, StoreError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(ServerState {
            clock: None,
            standbys: Standbys::None,
        }),
        AnyConnection::Postgres(connection) => postgres_state(connection),
    }
}

fn postgres_state(connection: &mut PostgresConnection) -> Result<ServerState, StoreError> {
    let state: PostgresState = sql_query(POSTGRES_STATE).get_result(connection)?;
    let standbys = match (
        state.names_synchronous,
        state.has_asynchronous,
        state.has_standbys,
    ) {
        (false, _, false) => Standbys::None,
        (false, _, true) | (true, true, _) => Standbys::Asynchronous,
        (true, false, _) => Standbys::Synchronous,
    };
    Ok(ServerState {
        clock: Some(state.clock),
        standbys,
    })
}
