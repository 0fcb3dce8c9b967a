//! Which nodes still live, by one's own clock alone: a node whose beats do not go on has gone. Nobody's wall clock matters.

use std::{collections::HashMap, time::Duration};

use super::nodes::NodeRow;

/// For how long after its last beat a node may still renew its lease.
pub(crate) const BEAT_LASTS: Duration = Duration::from_secs(10);
/// A node whose beats have stood still for so long, as seen from here, holds no lease: longer than a beat lasts and the
/// longest lease together.
const GONE: Duration = Duration::from_secs(20);
/// The row of one that has been gone for so long is deleted.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The beats of all nodes, and when each was first seen.
#[derive(Default)]
pub(crate) struct Neighbours(HashMap<String, (i64, Duration)>);

impl Neighbours {
    /// Looks at the rows at an instant of the monotonic clock; answers the longest lease of those that may hold one.
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

    /// Those whose rows are of no use any more.
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
    fn a_node_counts_until_its_beats_have_stood_still_for_long_enough() {
        let mut neighbours = Neighbours::default();
        let at = Duration::from_secs;
        let mut longest = |rows: &[NodeRow], now| neighbours.longest_lease(rows, now).as_millis();
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
        // Deleted and back under the number that was seen last: it is a new one.
        assert_eq!(longest(&[row("a", 500, 9)], at(200)), 0);
        assert_eq!(longest(&[row("b", 5000, 8)], at(201)), 5000);
    }

    #[test]
    fn rows_are_forgotten_long_after_their_nodes_have_gone() {
        let mut neighbours = Neighbours::default();
        neighbours.longest_lease(&[row("a", 500, 1), row("b", 500, 1)], Duration::ZERO);
        neighbours.longest_lease(&[row("a", 500, 1), row("b", 500, 2)], FORGOTTEN);
        assert_eq!(neighbours.forgotten(FORGOTTEN), ["a"]);
    }
}
