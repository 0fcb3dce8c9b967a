//! The model: its steps, and the state that each changes.

use stateright::{Model, Property};

use super::{
    rules::{Flaw, Story, Violation},
    state::{Held, Node, Poll, Request, Secret, Stage, State},
};

/// Ticks that a lease lasts, at least.
const LEASE: u8 = 2;

/// The configuration that is explored.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The nodes, each with how much longer than [`LEASE`] its lease is.
    pub nodes: Vec<u8>,
    /// How many polls of a node may be in flight at once.
    pub polls: usize,
    pub story: Story,
    pub flaw: Flaw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes, for a slow, stopped or partitioned node as for the others.
    Tick,
    /// The next step of the secret's story: created, answered, and so on.
    Manage,
    /// The database learns a node's lease, which comes before its first poll.
    Announce(usize),
    Ask(usize),
    /// The database answers a poll; the answer may be in flight for long.
    Answer(usize, usize),
    /// The next half of applying an answer.
    Apply(usize, usize),
    /// A node is killed and starts again.
    Restart(usize),
    /// Another secret of the client requests a token, which loads the client into the cache.
    Warm(usize),
    /// The secret requests a token.
    Begin(usize),
    /// The next step of a request in progress.
    Go(usize),
}

impl Model for Lease {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let node = Node {
            announced: false,
            applied: 0,
            lease: 0,
            memory: None,
            polls: Vec::new(),
            request: Request::None,
        };
        vec![State {
            secret: match self.story {
                Story::CreatedAndDeleted => Secret::Absent,
                Story::SuspendedAndRestored => Secret::Working,
            },
            longest_lease: LEASE,
            nodes: vec![node; self.nodes.len()],
            violation: None,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.violation.is_some() {
            return;
        }
        steps.extend([Step::Tick, Step::Manage]);
        for (at, node) in state.nodes.iter().enumerate() {
            if !node.announced {
                steps.push(Step::Announce(at));
                continue;
            }
            steps.extend([Step::Ask(at), Step::Restart(at)]);
            steps.extend([Step::Warm(at), Step::Begin(at), Step::Go(at)]);
            for poll in 0..node.polls.len() {
                steps.extend([Step::Answer(at, poll), Step::Apply(at, poll)]);
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => self.tick(&mut state),
            Step::Manage => self.manage(&mut state),
            Step::Announce(at) => {
                state.nodes[at].announced = true;
                state.longest_lease = state.longest_lease.max(self.lease(at));
            }
            Step::Ask(at) => self.ask(&mut state.nodes[at]),
            Step::Answer(at, poll) => answer(&mut state, at, poll),
            Step::Apply(at, poll) => self.apply(&mut state.nodes[at], poll, self.lease(at)),
            Step::Restart(at) => restart(&mut state.nodes[at]),
            Step::Warm(at) => read(&mut state, at),
            Step::Begin(at) => begin(&mut state, at),
            Step::Go(at) => self.go(&mut state, at),
        }
        // Symmetry: a permutation of equal nodes is the same state.
        if self.nodes.iter().all(|more| *more == self.nodes[0]) {
            state.nodes.sort();
        }
        state.nodes.iter_mut().for_each(|node| node.polls.sort());
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(Violation::TokenAfterDeletion.rule(), |_, state: &State| {
                state.violation != Some(Violation::TokenAfterDeletion)
            }),
            Property::always(Violation::RefusalOfLive.rule(), |_, state: &State| {
                state.violation != Some(Violation::RefusalOfLive)
            }),
            Property::always(Violation::TokenInSuspension.rule(), |_, state: &State| {
                state.violation != Some(Violation::TokenInSuspension)
            }),
        ];
        properties.extend(match self.story {
            Story::CreatedAndDeleted => [
                Property::sometimes("memory answers for a live secret", |_, state: &State| {
                    state.secret == Secret::Created && all_hold(state, Held::Live)
                }),
                Property::sometimes("memory answers while a DELETE waits", |_, state: &State| {
                    matches!(state.secret, Secret::Waiting(1..)) && all_hold(state, Held::Live)
                }),
                Property::sometimes("memory knows of the deletion", |_, state: &State| {
                    state.secret == Secret::Deleted && all_hold(state, Held::Without)
                }),
            ],
            Story::SuspendedAndRestored => [
                Property::sometimes("memory refuses a suspended secret", |_, state: &State| {
                    state.secret == Secret::Suspended && all_hold(state, Held::Suspended)
                }),
                Property::sometimes("memory refuses while a restoration waits", |_, state: &State| {
                    matches!(state.secret, Secret::Returning(1..)) && all_hold(state, Held::Suspended)
                }),
                Property::sometimes("memory knows of the restoration", |_, state: &State| {
                    state.secret == Secret::Restored && all_hold(state, Held::Live)
                }),
            ],
        });
        properties
    }
}

/// Whether every node answers from its cache, and with this.
fn all_hold(state: &State, held: Held) -> bool {
    let answers = |node: &Node| node.lease > 0 && node.memory == Some(held);
    state.nodes.iter().all(answers)
}

impl Lease {
    fn lease(&self, node: usize) -> u8 {
        LEASE + self.nodes[node]
    }

    fn tick(&self, state: &mut State) {
        let oldest = self.nodes.iter().max().map_or(LEASE, |more| LEASE + more);
        for node in &mut state.nodes {
            node.lease = node.lease.saturating_sub(1);
            for poll in &mut node.polls {
                poll.age = oldest.min(poll.age + 1);
            }
        }
        if let Secret::Waiting(ticks) | Secret::Halting(ticks) | Secret::Returning(ticks) = &mut state.secret
        {
            *ticks = ticks.saturating_sub(1);
        }
    }

    fn manage(&self, state: &mut State) {
        state.secret = match state.secret {
            Secret::Absent => Secret::Inserted,
            Secret::Inserted => Secret::Created,
            Secret::Created => {
                forgive(state);
                Secret::Removed
            }
            Secret::Removed => Secret::Waiting(self.wait(state, Flaw::DeleteDoesNotWait)),
            Secret::Waiting(0) => Secret::Deleted,
            Secret::Working => {
                forgive(state);
                Secret::Halted
            }
            Secret::Halted => Secret::Halting(self.wait(state, Flaw::DeleteDoesNotWait)),
            Secret::Halting(0) => Secret::Suspended,
            Secret::Suspended => {
                forgive(state);
                Secret::Returned
            }
            Secret::Returned => Secret::Returning(self.wait(state, Flaw::RestorationDoesNotWait)),
            Secret::Returning(0) => Secret::Restored,
            stays => stays,
        };
    }

    /// How long a change waits between its commit and its answer.
    fn wait(&self, state: &State, without: Flaw) -> u8 {
        match self.flaw {
            flaw if flaw == without => 0,
            Flaw::OwnLeaseWaited => LEASE,
            _ => state.longest_lease,
        }
    }

    fn ask(&self, node: &mut Node) {
        if node.polls.len() < self.polls && !is_locked(node) {
            node.polls.push(Poll {
                age: 0,
                since: node.applied,
                stage: Stage::Asked,
            });
        }
    }

    /// `ClientMemory::apply`: the lock is held over both halves, but a request takes it neither to check the lease
    /// nor to read the cache.
    fn apply(&self, node: &mut Node, at: usize, lease: u8) {
        let poll = node.polls[at];
        match poll.stage {
            Stage::Answered(version) if !is_locked(node) => {
                if version < node.applied && self.flaw != Flaw::OvertakenAnswerApplied {
                    node.polls.remove(at);
                } else {
                    self.apply_half(node, poll, version, (true, lease));
                    node.polls[at].stage = Stage::Half(version);
                }
            }
            Stage::Half(version) => {
                self.apply_half(node, poll, version, (false, lease));
                node.polls.remove(at);
            }
            Stage::Asked | Stage::Answered(_) => {}
        }
    }

    fn apply_half(&self, node: &mut Node, poll: Poll, version: u8, (first, lease): (bool, u8)) {
        let evicts = first != (self.flaw == Flaw::PublishedBeforeEviction);
        if !evicts {
            let age = if self.flaw == Flaw::LeaseFromTheAnswer {
                0
            } else {
                poll.age
            };
            node.lease = node.lease.max(lease.saturating_sub(age));
            return;
        }
        if version > poll.since {
            node.memory = None;
        }
        node.applied = version;
    }

    /// `ClientMemory::find` after its check of the lease, and `ClientMemory::keep`.
    fn go(&self, state: &mut State, at: usize) {
        let node = &mut state.nodes[at];
        match (node.request, node.memory) {
            (Request::None, _) => {}
            (Request::Leased, Some(Held::Live)) => end(state, at, true),
            (Request::Leased, Some(Held::Suspended)) => end(state, at, false),
            (Request::Leased, Some(Held::Without)) if self.flaw == Flaw::MissRefused => end(state, at, false),
            (Request::Leased, _) => read_and_end(state, at),
            (Request::Keeping(..), _) if is_locked(node) => {}
            (Request::Keeping(version, held), _) => {
                node.request = Request::None;
                if version >= node.applied || self.flaw == Flaw::KeptWithoutVersion {
                    node.memory = Some(held);
                }
            }
        }
    }
}

/// Either outcome is right for a request in progress during a change.
fn forgive(state: &mut State) {
    for node in &mut state.nodes {
        if node.request == Request::Leased {
            node.request = Request::None;
        }
    }
}

fn is_locked(node: &Node) -> bool {
    node.polls.iter().any(|poll| matches!(poll.stage, Stage::Half(_)))
}

fn answer(state: &mut State, at: usize, poll: usize) {
    let (version, _) = state.database();
    let poll = &mut state.nodes[at].polls[poll];
    if poll.stage == Stage::Asked {
        poll.stage = Stage::Answered(version);
    }
}

/// The lease that the database knows for the node stays.
fn restart(node: &mut Node) {
    *node = Node {
        announced: true,
        applied: 0,
        lease: 0,
        memory: None,
        polls: Vec::new(),
        request: Request::None,
    };
}

fn read(state: &mut State, at: usize) {
    let (version, held) = state.database();
    if state.nodes[at].request == Request::None {
        state.nodes[at].request = Request::Keeping(version, held);
    }
}

/// A request matters only while one of its outcomes would be wrong.
fn begin(state: &mut State, at: usize) {
    let interesting = matches!(
        state.secret,
        Secret::Created | Secret::Deleted | Secret::Suspended | Secret::Restored
    );
    let node = &mut state.nodes[at];
    if !interesting || node.request != Request::None {
        return;
    }
    if node.lease > 0 {
        node.request = Request::Leased;
    } else {
        read_and_end(state, at);
    }
}

/// Only a client that was found by the secret is cached.
fn read_and_end(state: &mut State, at: usize) {
    let (_, held) = state.database();
    end(state, at, held == Held::Live);
    if held != Held::Without {
        read(state, at);
    }
}

/// The request is answered with a token or a refusal.
fn end(state: &mut State, at: usize, token: bool) {
    state.nodes[at].request = Request::None;
    state.violation = match (token, state.secret) {
        (true, Secret::Deleted) => Some(Violation::TokenAfterDeletion),
        (false, Secret::Created | Secret::Restored) => Some(Violation::RefusalOfLive),
        (true, Secret::Suspended) => Some(Violation::TokenInSuspension),
        _ => None,
    };
}
