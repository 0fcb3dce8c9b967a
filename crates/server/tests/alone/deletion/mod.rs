//! Tests the promise about deletion: three nodes on one Postgres, eight clients, credentials of each kind that come
//! and go, and nodes that are stopped, killed, cut off and have their clocks stepped. A checker reads all
//! observations. `cargo xtask deletion --seconds N` runs it for longer.

mod clients;
mod credentials;
mod faults;
mod history;
mod link;
mod managers;
mod nodes;
mod random;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use history::{History, Violation};
use managers::{Deleter, Wait};
use nodes::{Node, Site};
use random::Random;

use crate::alone;

const NODES: usize = 3;
const CLIENTS: u64 = 8;
const MANAGERS: u64 = 2;

/// The parameters of a run.
struct Plan {
    /// The lease on the nodes.
    node_lease: Duration,
    wait: Wait,
    time: Duration,
}

/// Ends the threads that watch it.
#[derive(Clone)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

fn run(plan: &Plan) -> (History, Vec<Violation>) {
    let seed = std::env::var("WMDA_AUTH_DELETION_SEED").ok();
    let seed = seed.map_or_else(random::seed, |text| text.parse().unwrap());
    println!("seed {seed} (WMDA_AUTH_DELETION_SEED repeats its choices)");
    let site = Arc::new(Site::new(plan.node_lease));
    let nodes: Vec<Arc<Node>> = (0..NODES).map(|_| Arc::new(Node::start(&site))).collect();
    let history = Arc::new(History::starting(Instant::now()));
    let stop = Stop(Arc::default());
    let mut numbers = seed..;
    let mut random = move || Random::new(numbers.next().unwrap());
    let mut threads = Vec::new();
    for _ in 0..MANAGERS {
        let deleter = Deleter::new(&site, plan.wait);
        let (history, stop, random) = (Arc::clone(&history), stop.clone(), random());
        threads.push(thread::spawn(move || deleter.work(&history, &stop, random)));
    }
    for _ in 0..CLIENTS {
        let (history, stop, random) = (Arc::clone(&history), stop.clone(), random());
        let addresses: Vec<String> = nodes.iter().map(|node| node.token_url()).collect();
        threads.push(thread::spawn(move || {
            clients::work(&addresses, &history, &stop, random)
        }));
    }
    for (number, node) in nodes.iter().enumerate() {
        let (node, stop, random) = (Arc::clone(node), stop.clone(), random());
        let history = Arc::clone(&history);
        threads.push(thread::spawn(move || {
            faults::work(&node, &stop, random, (&history, number))
        }));
    }
    thread::sleep(plan.time);
    stop.0.store(true, Ordering::SeqCst);
    for thread in threads {
        thread.join().unwrap();
    }
    drop(nodes);
    let history = Arc::into_inner(history).unwrap();
    let violations = history.violations();
    (history, violations)
}

fn seconds() -> u64 {
    let asked = std::env::var("WMDA_AUTH_DELETION_SECONDS").ok();
    asked.map_or(15, |text| text.parse().unwrap())
}

/// Design, "The promise about deletion", 1: no token for a request that began after a DELETE's answer, and no refusal
/// of a live secret for a request that began after its creation's answer; no token during a suspension, and no
/// refusal after it.
#[test]
fn no_node_serves_a_deleted_secret_and_none_refuses_a_live_one() {
    let _alone = alone();
    let (history, violations) = run(&Plan {
        node_lease: Duration::from_millis(500),
        wait: Wait::Settled,
        time: Duration::from_secs(seconds()),
    });
    println!("{}", history.summary());
    assert!(violations.is_empty(), "{violations:#?}");
    history.assert_thorough();
}

/// The checker detects violations: with a lease on the nodes that is longer than what the DELETE waits, it finds
/// tokens.
#[test]
fn a_broken_lease_is_found_out() {
    let _alone = alone();
    let (history, violations) = run(&Plan {
        node_lease: Duration::from_secs(5),
        wait: Wait::Only(Duration::from_millis(50)),
        time: Duration::from_secs(10),
    });
    println!("{}", history.summary());
    let tokens = violations.iter().filter(|violation| violation.is_token());
    assert!(
        tokens.count() > 0,
        "a lease of 5 s under a wait of 50 ms was not noticed"
    );
}
