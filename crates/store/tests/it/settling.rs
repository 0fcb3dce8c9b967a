//! How long a change waits before its answer: for the longest lease of any node, on both databases.

use std::time::{Duration, Instant};

use crate::support::{Database, LEASE};

async fn settled_after(node: &crate::support::Node) -> Duration {
    let began = Instant::now();
    node.memory.settle().await.unwrap();
    began.elapsed()
}

async fn a_change_waits_out_the_longest_lease_that_any_node_may_hold(database: &Database) {
    let (node, longer) = (database.node(), database.node_with_lease(3 * LEASE));
    assert!(
        settled_after(&node).await >= LEASE,
        "no node polls yet: its own lease"
    );
    node.memory.poll().await.unwrap();
    let time = settled_after(&node).await;
    assert!((LEASE..3 * LEASE).contains(&time), "{time:?}");
    longer.memory.poll().await.unwrap();
    assert!(settled_after(&node).await >= 3 * LEASE, "another node's lease");
    let later = database.node();
    later.memory.poll().await.unwrap();
    assert!(
        settled_after(&later).await >= 3 * LEASE,
        "a shorter lease takes nothing back"
    );
}

#[tokio::test]
async fn sqlite() {
    a_change_waits_out_the_longest_lease_that_any_node_may_hold(&Database::sqlite()).await;
}

#[tokio::test]
async fn postgres() {
    a_change_waits_out_the_longest_lease_that_any_node_may_hold(&Database::postgres()).await;
}
