//! What everybody saw, on one clock, and the checker that reads it.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{NODES, random::Random};

/// Clients still try a secret for this long after its deletion was answered.
const TRIED_AFTER: Duration = Duration::from_secs(2);

/// A secret's life. Times count from the start of the history.
pub struct Secret {
    pub id: Uuid,
    pub client_id: Uuid,
    /// The form that asks for a token by it.
    pub body: String,
    created: OnceLock<Duration>,
    suspensions: Mutex<Vec<Suspension>>,
    deletion_begun: OnceLock<Duration>,
    deletion_answered: OnceLock<Duration>,
}

/// From the question that began it to the answer to the one that took it back; what is not known yet is at the end of time.
#[derive(Clone, Copy)]
struct Suspension {
    begun: Duration,
    answered: Duration,
    restoration_begun: Duration,
    restored: Duration,
}

impl Secret {
    pub fn new(id: Uuid, client_id: Uuid, body: String) -> Self {
        Self {
            id,
            client_id,
            body,
            created: OnceLock::new(),
            suspensions: Mutex::default(),
            deletion_begun: OnceLock::new(),
            deletion_answered: OnceLock::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Token,
    /// `invalid_client`.
    Refused,
    /// 503.
    Unavailable,
    /// No connection, a broken one, or a time-out: the node is stopped or dead.
    NoAnswer,
}

struct Request {
    secret: Arc<Secret>,
    node: usize,
    began: Duration,
    ended: Duration,
    outcome: Outcome,
}

/// What must never be seen.
#[derive(Debug)]
#[expect(dead_code, reason = "its Debug is what a failing test shows")]
pub enum Violation {
    /// A token by a request that began after the deletion was answered.
    TokenAfterDeletion {
        secret: Uuid,
        node: usize,
        began_after_answer: Duration,
    },
    /// A refusal by a request that began after the creation was answered and ended before the deletion began.
    RefusalOfLive {
        secret: Uuid,
        node: usize,
        began_after_creation: Duration,
    },
    /// A token by a request that began after the suspension was answered and ended before the restoration began.
    TokenInSuspension {
        secret: Uuid,
        node: usize,
        began_after_answer: Duration,
    },
}

impl Violation {
    pub fn is_token(&self) -> bool {
        matches!(
            self,
            Self::TokenAfterDeletion { .. } | Self::TokenInSuspension { .. }
        )
    }
}

pub struct History {
    start: Instant,
    secrets: Mutex<Vec<Arc<Secret>>>,
    requests: Mutex<Vec<Request>>,
}

impl History {
    pub fn starting(start: Instant) -> Self {
        Self {
            start,
            secrets: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Called after the creation's answer.
    pub fn created(&self, secret: Secret) -> Arc<Secret> {
        let secret = Arc::new(secret);
        secret.created.set(self.now()).unwrap();
        self.secrets.lock().unwrap().push(Arc::clone(&secret));
        secret
    }

    pub fn suspension_begins(&self, secret: &Secret) {
        let never = Duration::MAX;
        secret.suspensions.lock().unwrap().push(Suspension {
            begun: self.now(),
            answered: never,
            restoration_begun: never,
            restored: never,
        });
    }

    /// Called after its answer; likewise the other two at their time.
    pub fn suspension_answered(&self, secret: &Secret) {
        self.note_suspension(secret, |last, now| last.answered = now);
    }

    pub fn restoration_begins(&self, secret: &Secret) {
        self.note_suspension(secret, |last, now| last.restoration_begun = now);
    }

    pub fn restored(&self, secret: &Secret) {
        self.note_suspension(secret, |last, now| last.restored = now);
    }

    fn note_suspension(&self, secret: &Secret, note: impl FnOnce(&mut Suspension, Duration)) {
        note(secret.suspensions.lock().unwrap().last_mut().unwrap(), self.now());
    }

    pub fn deletion_begins(&self, secret: &Secret) {
        secret.deletion_begun.set(self.now()).unwrap();
    }

    /// Called after the deletion's answer.
    pub fn deletion_answered(&self, secret: &Secret) {
        secret.deletion_answered.set(self.now()).unwrap();
    }

    /// One that lives, dies, or is dead for not long.
    pub fn pick(&self, random: &mut Random) -> Option<Arc<Secret>> {
        let mut secrets = self.secrets.lock().unwrap();
        let now = self.now();
        secrets.retain(|secret| {
            secret
                .deletion_answered
                .get()
                .is_none_or(|at| now < *at + TRIED_AFTER)
        });
        match secrets.len() {
            0 => None,
            some => Some(Arc::clone(&secrets[random.below(some)])),
        }
    }

    pub fn answered(&self, secret: &Arc<Secret>, node: usize, began: Duration, outcome: Outcome) {
        let request = Request {
            secret: Arc::clone(secret),
            node,
            began,
            ended: self.now(),
            outcome,
        };
        self.requests.lock().unwrap().push(request);
    }

    /// The checker.
    pub fn violations(&self) -> Vec<Violation> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .filter_map(violation)
            .collect()
    }

    fn count(&self, seen: impl Fn(&Request) -> bool) -> usize {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .filter(|request| seen(request))
            .count()
    }

    /// Requests that began and ended within a suspension, and those that began after a restoration's answer.
    fn around_suspensions(&self) -> (usize, usize) {
        let any = |seen: &Request, holds: fn(&Request, &Suspension) -> bool| {
            let suspensions = seen.secret.suspensions.lock().unwrap();
            suspensions.iter().any(|one| holds(seen, one))
        };
        let within = self.count(|seen| {
            any(seen, |seen, one| {
                seen.began > one.answered && seen.ended < one.restoration_begun
            })
        });
        (
            within,
            self.count(|seen| any(seen, |seen, one| seen.began > one.restored)),
        )
    }

    /// A run in which little happened proves little.
    pub fn assert_thorough(&self) {
        for node in 0..NODES {
            let tokens = self.count(|seen| seen.node == node && seen.outcome == Outcome::Token);
            assert!(tokens > 100, "node {node} issued {tokens} tokens");
        }
        let tried = self.count(|seen| {
            seen.secret
                .deletion_answered
                .get()
                .is_some_and(|at| seen.began > *at)
        });
        assert!(tried > 100, "{tried} requests began after a deletion");
        let (within, after) = self.around_suspensions();
        assert!(within > 20, "{within} requests fell into a suspension");
        assert!(after > 20, "{after} requests began after a restoration");
    }

    pub fn summary(&self) -> String {
        let mut text = format!("{:.0?}: {} requests", self.now(), self.count(|_| true));
        for outcome in [
            Outcome::Token,
            Outcome::Refused,
            Outcome::Unavailable,
            Outcome::NoAnswer,
        ] {
            write!(
                text,
                ", {outcome:?} {}",
                self.count(|seen| seen.outcome == outcome)
            )
            .unwrap();
        }
        let tried = self.count(|seen| {
            seen.secret
                .deletion_answered
                .get()
                .is_some_and(|at| seen.began > *at)
        });
        let took = self.deletions();
        let after = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1)));
        let (within, restored) = self.around_suspensions();
        write!(
            text,
            "; {within} requests within a suspension, {restored} after a restoration; {} deletions answered after {:.0?} (median), {:.0?} (p99), {:.0?} (slowest); {tried} requests began after one; {} violations",
            took.len(),
            after(50).unwrap_or(&Duration::ZERO),
            after(99).unwrap_or(&Duration::ZERO),
            after(100).unwrap_or(&Duration::ZERO),
            self.violations().len()
        )
        .unwrap();
        text
    }

    /// How long each deletion took, the slowest last.
    fn deletions(&self) -> Vec<Duration> {
        let requests = self.requests.lock().unwrap();
        let mut lives: Vec<&Arc<Secret>> = requests.iter().map(|seen| &seen.secret).collect();
        lives.sort_by_key(|secret| secret.id);
        lives.dedup_by_key(|secret| secret.id);
        let took = lives
            .iter()
            .filter_map(|secret| Some(*secret.deletion_answered.get()? - *secret.deletion_begun.get()?));
        let mut took: Vec<Duration> = took.collect();
        took.sort();
        took
    }
}

fn violation(request: &Request) -> Option<Violation> {
    let Request {
        secret,
        node,
        began,
        ended,
        outcome,
    } = request;
    let created = *secret.created.get().unwrap();
    let deleted = secret.deletion_answered.get().filter(|at| began > *at);
    let dying = secret.deletion_begun.get().is_some_and(|at| at <= ended);
    let suspensions = secret.suspensions.lock().unwrap();
    let touched = suspensions
        .iter()
        .any(|one| one.begun <= *ended && one.restored >= *began);
    let within = suspensions
        .iter()
        .find(|one| *began > one.answered && *ended < one.restoration_begun);
    match (outcome, deleted) {
        (Outcome::Token, Some(at)) => Some(Violation::TokenAfterDeletion {
            secret: secret.id,
            node: *node,
            began_after_answer: *began - *at,
        }),
        (Outcome::Token, None) if within.is_some() => Some(Violation::TokenInSuspension {
            secret: secret.id,
            node: *node,
            began_after_answer: *began - within?.answered,
        }),
        (Outcome::Refused, _) if *began > created && !dying && !touched => Some(Violation::RefusalOfLive {
            secret: secret.id,
            node: *node,
            began_after_creation: *began - created,
        }),
        _ => None,
    }
}
