//! Model checking of the lease: two nodes that poll, cache and answer, a secret that is created and deleted, or
//! suspended and restored, and every interleaving of the steps, with time passing between any two of them: a slow
//! network and a stopped process look alike. The model's steps are those of `store::memory`; `docs/ARCHITECTURE.md`
//! has the argument in words. Each rule that the argument needs is then left out, and the checker must find the
//! violation.

mod model;
mod rules;
mod state;

use model::Lease;
use rules::{Flaw, Story, Violation};
use stateright::{Checker, HasDiscoveries, Model};

/// Explores all states, or until a violation is found, and returns that.
fn explore(lease: &Lease) -> Option<Violation> {
    let checker = lease.clone().checker().threads(2);
    let checker = checker
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let all = [
        Violation::TokenAfterDeletion,
        Violation::RefusalOfLive,
        Violation::TokenInSuspension,
    ];
    let found = all
        .into_iter()
        .find(|violation| checker.discovery(violation.rule()).is_some());
    let states = checker.unique_state_count();
    println!("{lease:?}: {states} states, found {found:?}");
    match found {
        Some(violation) => {
            let path = checker.discovery(violation.rule());
            println!("{:?}", path.map(stateright::Path::into_actions));
        }
        // The rules must not hold vacuously.
        None => checker.assert_properties(),
    }
    found
}

fn two_nodes(flaw: Flaw) -> Lease {
    Lease {
        nodes: vec![0, 0],
        polls: 1,
        story: Story::CreatedAndDeleted,
        flaw,
    }
}

fn suspended_on_two_nodes(flaw: Flaw) -> Lease {
    Lease {
        story: Story::SuspendedAndRestored,
        ..two_nodes(flaw)
    }
}

#[test]
fn two_nodes_keep_both_promises() {
    assert_eq!(explore(&two_nodes(Flaw::None)), None);
}

/// The cache refuses a suspended secret by itself, so a restoration has to wait as a suspension does.
#[test]
fn two_nodes_issue_nothing_in_a_suspension_and_refuse_nothing_after_it() {
    assert_eq!(explore(&suspended_on_two_nodes(Flaw::None)), None);
}

#[test]
fn each_rule_is_needed_for_suspensions() {
    for flaw in [
        Flaw::LeaseFromTheAnswer,
        Flaw::PublishedBeforeEviction,
        Flaw::KeptWithoutVersion,
    ] {
        let found = explore(&suspended_on_two_nodes(flaw));
        assert!(found.is_some(), "{flaw:?}");
    }
    let found = |flaw| explore(&suspended_on_two_nodes(flaw));
    assert_eq!(found(Flaw::DeleteDoesNotWait), Some(Violation::TokenInSuspension));
    assert_eq!(
        found(Flaw::RestorationDoesNotWait),
        Some(Violation::RefusalOfLive)
    );
}

#[test]
fn each_rule_is_needed() {
    for flaw in [
        Flaw::LeaseFromTheAnswer,
        Flaw::PublishedBeforeEviction,
        Flaw::KeptWithoutVersion,
        Flaw::DeleteDoesNotWait,
    ] {
        assert_eq!(
            explore(&two_nodes(flaw)),
            Some(Violation::TokenAfterDeletion),
            "{flaw:?}"
        );
    }
    let found = explore(&two_nodes(Flaw::MissRefused));
    assert_eq!(found, Some(Violation::RefusalOfLive));
}

/// The load balancer's readiness probe polls as well.
#[test]
fn polls_that_overtake_one_another_do_no_harm() {
    let lease = |flaw| Lease {
        nodes: vec![0],
        polls: 2,
        story: Story::CreatedAndDeleted,
        flaw,
    };
    assert_eq!(explore(&lease(Flaw::None)), None);
    let found = explore(&lease(Flaw::OvertakenAnswerApplied));
    assert_eq!(found, Some(Violation::TokenAfterDeletion));
}

#[test]
fn a_node_with_a_longer_lease_is_waited_for() {
    let lease = |flaw| Lease {
        nodes: vec![1],
        polls: 1,
        story: Story::CreatedAndDeleted,
        flaw,
    };
    assert_eq!(explore(&lease(Flaw::None)), None);
    let found = explore(&lease(Flaw::OwnLeaseWaited));
    assert_eq!(found, Some(Violation::TokenAfterDeletion));
}
