//! Which versions of the pepper each running node knows: a version is used only once all of them do.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{Store, StoreError, database::schema::pepper_nodes};

/// A node that was not heard of for this long is gone.
pub const GONE_AFTER: TimeDelta = TimeDelta::seconds(60);
/// Its row goes later.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);

/// A node as it last said.
#[derive(Clone, Debug)]
pub struct PepperNode {
    /// Made at its start.
    pub node: String,
    /// The machine's name, for people.
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
    /// Says what a node knows, and that it lives.
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

    /// A node that ends in order says so.
    pub async fn leave_pepper_nodes(&self, node: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            diesel::delete(pepper_nodes::table.find(node)).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The nodes that live.
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
