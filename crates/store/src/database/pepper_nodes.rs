//! The pepper versions that each running node knows: a version is activated only once all nodes have it.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{Store, StoreError, database::schema::pepper_nodes};

/// A node not heard of for this long counts as stopped.
pub const GONE_AFTER: TimeDelta = TimeDelta::seconds(60);
/// When its row is deleted.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);

/// A node, as it last announced itself.
#[derive(Clone, Debug)]
pub struct PepperNode {
    /// A random id per start.
    pub node: String,
    /// The host name, for people.
    pub host: String,
    /// The versions that it knows.
    pub versions: Vec<i32>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = pepper_nodes)]
struct Row {
    node: String,
    host: String,
    versions: String,
}

impl Store {
    /// Announces that a node is alive and which versions it knows.
    pub async fn announce_pepper(&self, own: PepperNode, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let versions: Vec<String> = own.versions.iter().map(ToString::to_string).collect();
            let versions = versions.join(",");
            let said = || {
                (
                    pepper_nodes::host.eq(&own.host),
                    pepper_nodes::versions.eq(&versions),
                    pepper_nodes::seen_at.eq(now.naive_utc()),
                )
            };
            let row = pepper_nodes::table.find(&own.node);
            if diesel::update(row).set(said()).execute(connection)? > 0 {
                return Ok(());
            }
            let gone = pepper_nodes::seen_at.lt((now - FORGOTTEN_AFTER).naive_utc());
            diesel::delete(pepper_nodes::table.filter(gone)).execute(connection)?;
            diesel::insert_into(pepper_nodes::table)
                .values((pepper_nodes::node.eq(&own.node), said()))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Removes a node that shuts down in order.
    pub async fn leave_pepper_nodes(&self, node: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            diesel::delete(pepper_nodes::table.find(node)).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The running nodes.
    pub async fn pepper_nodes(&self, now: DateTime<Utc>) -> Result<Vec<PepperNode>, StoreError> {
        self.run(move |connection| {
            let rows = pepper_nodes::table
                .filter(pepper_nodes::seen_at.gt((now - GONE_AFTER).naive_utc()))
                .order(pepper_nodes::host)
                .select(Row::as_select())
                .load(connection)?;
            let node = |row: Row| PepperNode {
                node: row.node,
                host: row.host,
                versions: row
                    .versions
                    .split(',')
                    .filter_map(|one| one.parse().ok())
                    .collect(),
            };
            Ok(rows.into_iter().map(node).collect())
        })
        .await
    }
}
