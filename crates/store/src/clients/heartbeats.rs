//! Liveness of nodes, judged by the local monotonic clock alone: a node whose heartbeat counter stands still is dead.
//! No wall clock is trusted.

use std::{collections::HashMap, time::Duration};

use super::nodes::NodeRow;

/// How long after its last heartbeat a node may still renew its lease.
pub(crate) const HEARTBEAT_LASTS: Duration = Duration::from_secs(10);
/// A node whose heartbeats have stood still for this long, as observed here, holds no lease: more than
/// [`HEARTBEAT_LASTS`] and the longest lease together.
const GONE: Duration = Duration::from_secs(20);
/// A node dead for this long has its row deleted.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The heartbeat counter of each node, and when it was first observed.
#[derive(Default)]
pub(crate) struct Heartbeats(HashMap<String, (i64, Duration)>);

impl Heartbeats {
    /// Observes the rows at an instant of the monotonic clock; returns the longest lease of nodes that may hold one.
    pub(crate) fn longest_lease(&mut self, rows: &[NodeRow], now: Duration) -> Duration {
        self.0.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let mut longest = 0;
        for row in rows {
            let seen = self.0.entry(row.id.clone()).or_insert((row.beats, now));
            if seen.0 != row.beats {
                *seen = (row.beats, now);
            }
            if now.saturating_sub(seen.1) < GONE {
                longest = longest.max(row.lease_ms);
            }
        }
        Duration::from_millis(longest.unsigned_abs())
    }

    /// Nodes whose rows can be deleted.
    pub(crate) fn forgotten(&self, now: Duration) -> Vec<String> {
        let long_gone = |(_, seen): &(i64, Duration)| now.saturating_sub(*seen) >= FORGOTTEN;
        let gone = self.0.iter().filter(|(_, seen)| long_gone(seen));
        gone.map(|(id, _)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, lease_ms: i64, beats: i64) -> NodeRow {
        NodeRow {
            id: id.to_owned(),
            lease_ms,
            beats,
        }
    }

    #[test]
    fn a_node_counts_until_its_heartbeats_have_stood_still_for_long_enough() {
        let mut heartbeats = Heartbeats::default();
        let at = Duration::from_secs;
        let mut longest = |rows: &[NodeRow], now| heartbeats.longest_lease(rows, now).as_millis();
        assert_eq!(longest(&[row("a", 500, 1), row("b", 5000, 7)], at(100)), 5000);
        assert_eq!(longest(&[row("a", 500, 9), row("b", 5000, 7)], at(119)), 5000);
        assert_eq!(
            longest(&[row("a", 500, 9), row("b", 5000, 7)], at(120)),
            500,
            "b has gone"
        );
        assert_eq!(
            longest(&[row("a", 500, 9), row("b", 5000, 8)], at(121)),
            5000,
            "b is back"
        );
        // Deleted and back with the last observed counter: counts as a new node.
        assert_eq!(longest(&[row("a", 500, 9)], at(200)), 0);
        assert_eq!(longest(&[row("b", 5000, 8)], at(201)), 5000);
    }

    #[test]
    fn rows_are_forgotten_long_after_their_nodes_have_gone() {
        let mut heartbeats = Heartbeats::default();
        heartbeats.longest_lease(&[row("a", 500, 1), row("b", 500, 1)], Duration::ZERO);
        heartbeats.longest_lease(&[row("a", 500, 1), row("b", 500, 2)], FORGOTTEN);
        assert_eq!(heartbeats.forgotten(FORGOTTEN), ["a"]);
    }
}
