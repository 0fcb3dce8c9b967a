//! The history of all observations, on one clock, and its checker.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use domain::credential::CredentialKind;
use uuid::Uuid;

use super::{NODES, credentials::Way, random::Random};

const KINDS: [CredentialKind; 3] = [
    CredentialKind::Secret,
    CredentialKind::Key,
    CredentialKind::Federated,
];
/// How long clients use a credential after its deletion was answered.
const TRIED_AFTER: Duration = Duration::from_secs(2);

/// By then a node has noticed that its clock was set right.
const CLOCK_IS_RIGHT: Duration = Duration::from_millis(2500);

/// A credential's life cycle. Times count from the start of the history.
pub struct Credential {
    pub id: Uuid,
    pub client_id: Uuid,
    pub kind: CredentialKind,
    /// How its client requests a token.
    pub way: Way,
    created: OnceLock<Duration>,
    suspensions: Mutex<Vec<Suspension>>,
    deletion_begun: OnceLock<Duration>,
    deletion_answered: OnceLock<Duration>,
}

/// From the request that began it to the answer that took it back; unknown times are at the end of time.
#[derive(Clone, Copy)]
struct Suspension {
    begun: Duration,
    answered: Duration,
    restoration_begun: Duration,
    restored: Duration,
}

impl Credential {
    pub fn new((id, client_id): (Uuid, Uuid), kind: CredentialKind, way: Way) -> Self {
        Self {
            id,
            client_id,
            kind,
            way,
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
    credential: Arc<Credential>,
    node: usize,
    began: Duration,
    ended: Duration,
    outcome: Outcome,
}

impl Request {
    fn is_after_deletion(&self) -> bool {
        let answered = self.credential.deletion_answered.get();
        answered.is_some_and(|at| self.began > *at)
    }
}

/// A violation of the promise about deletion.
#[derive(Debug)]
#[expect(dead_code, reason = "its Debug is what a failing test shows")]
pub enum Violation {
    /// A token for a request that began after the deletion was answered.
    TokenAfterDeletion {
        credential: Uuid,
        node: usize,
        began_after_answer: Duration,
    },
    /// A refusal of a request that began after the creation was answered and ended before the deletion began.
    RefusalOfLive {
        credential: Uuid,
        node: usize,
        began_after_creation: Duration,
    },
    /// A token for a request that began after the suspension was answered and ended before the restoration began.
    TokenInSuspension {
        credential: Uuid,
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
    credentials: Mutex<Vec<Arc<Credential>>>,
    requests: Mutex<Vec<Request>>,
    /// When the wall clock of which node was wrong.
    wrong_clocks: Mutex<Vec<(usize, Duration, Duration)>>,
}

impl History {
    pub fn starting(start: Instant) -> Self {
        Self {
            start,
            credentials: Mutex::default(),
            requests: Mutex::default(),
            wrong_clocks: Mutex::default(),
        }
    }

    /// Records that a node's wall clock was wrong from then until now.
    pub fn clock_was_wrong(&self, node: usize, since: Duration) {
        let until = self.now() + CLOCK_IS_RIGHT;
        self.wrong_clocks.lock().unwrap().push((node, since, until));
    }

    fn was_wrong(&self, request: &Request) -> bool {
        let wrong = self.wrong_clocks.lock().unwrap();
        wrong.iter().any(|(node, since, until)| {
            *node == request.node && *since <= request.ended && request.began <= *until
        })
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// To be called after the creation's answer.
    pub fn created(&self, credential: Credential) -> Arc<Credential> {
        let credential = Arc::new(credential);
        credential.created.set(self.now()).unwrap();
        self.credentials.lock().unwrap().push(Arc::clone(&credential));
        credential
    }

    pub fn suspension_begins(&self, credential: &Credential) {
        let never = Duration::MAX;
        credential.suspensions.lock().unwrap().push(Suspension {
            begun: self.now(),
            answered: never,
            restoration_begun: never,
            restored: never,
        });
    }

    /// To be called after its answer, like the other two.
    pub fn suspension_answered(&self, credential: &Credential) {
        self.note_suspension(credential, |last, now| last.answered = now);
    }

    pub fn restoration_begins(&self, credential: &Credential) {
        self.note_suspension(credential, |last, now| last.restoration_begun = now);
    }

    pub fn restored(&self, credential: &Credential) {
        self.note_suspension(credential, |last, now| last.restored = now);
    }

    fn note_suspension(&self, credential: &Credential, note: impl FnOnce(&mut Suspension, Duration)) {
        note(
            credential.suspensions.lock().unwrap().last_mut().unwrap(),
            self.now(),
        );
    }

    pub fn deletion_begins(&self, credential: &Credential) {
        credential.deletion_begun.set(self.now()).unwrap();
    }

    /// To be called after the deletion's answer.
    pub fn deletion_answered(&self, credential: &Credential) {
        credential.deletion_answered.set(self.now()).unwrap();
    }

    /// A credential that is live, or recently deleted.
    pub fn pick(&self, random: &mut Random) -> Option<Arc<Credential>> {
        let mut credentials = self.credentials.lock().unwrap();
        let now = self.now();
        credentials.retain(|credential| {
            credential
                .deletion_answered
                .get()
                .is_none_or(|at| now < *at + TRIED_AFTER)
        });
        match credentials.len() {
            0 => None,
            some => Some(Arc::clone(&credentials[random.below(some)])),
        }
    }

    pub fn answered(&self, credential: &Arc<Credential>, node: usize, began: Duration, outcome: Outcome) {
        let request = Request {
            credential: Arc::clone(credential),
            node,
            began,
            ended: self.now(),
            outcome,
        };
        self.requests.lock().unwrap().push(request);
    }

    /// Checks the history for violations.
    pub fn violations(&self) -> Vec<Violation> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| {
                // Assertions depend on time; a refusal because of a wrong clock is right.
                let excused = seen.outcome == Outcome::Refused && seen.credential.way.goes_by_the_clock();
                !(excused && self.was_wrong(seen))
            })
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

    /// Counts requests that began and ended within a suspension, and those that began after a restoration's answer.
    fn around_suspensions(&self) -> (usize, usize) {
        let any = |seen: &Request, holds: fn(&Request, &Suspension) -> bool| {
            let suspensions = seen.credential.suspensions.lock().unwrap();
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
        let tried = self.count(Request::is_after_deletion);
        assert!(tried > 100, "{tried} requests began after a deletion");
        for kind in KINDS {
            let of = |seen: &Request| seen.credential.kind == kind;
            let tokens = self.count(|seen| of(seen) && seen.outcome == Outcome::Token);
            let tried = self.count(|seen| of(seen) && seen.is_after_deletion());
            assert!(
                tokens > 20 && tried > 20,
                "{kind:?}: {tokens} tokens, {tried} after a deletion"
            );
        }
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
        let tried = self.count(Request::is_after_deletion);
        let tokens = KINDS.map(|kind| {
            let tokens = self.count(|seen| seen.credential.kind == kind && seen.outcome == Outcome::Token);
            format!("{tokens} by {}", kind.as_str())
        });
        let took = self.deletions();
        let after = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1)));
        let (within, restored) = self.around_suspensions();
        write!(
            text,
            "; tokens: {}; {within} requests within a suspension, {restored} after a restoration; {} deletions answered after {:.0?} (median), {:.0?} (p99), {:.0?} (slowest); {tried} requests began after one; {} violations",
            tokens.join(", "),
            took.len(),
            after(50).unwrap_or(&Duration::ZERO),
            after(99).unwrap_or(&Duration::ZERO),
            after(100).unwrap_or(&Duration::ZERO),
            self.violations().len()
        )
        .unwrap();
        text
    }

    /// The duration of each deletion, the slowest last.
    fn deletions(&self) -> Vec<Duration> {
        let requests = self.requests.lock().unwrap();
        let mut lives: Vec<&Arc<Credential>> = requests.iter().map(|seen| &seen.credential).collect();
        lives.sort_by_key(|credential| credential.id);
        lives.dedup_by_key(|credential| credential.id);
        let took = lives.iter().filter_map(|credential| {
            Some(*credential.deletion_answered.get()? - *credential.deletion_begun.get()?)
        });
        let mut took: Vec<Duration> = took.collect();
        took.sort();
        took
    }
}

fn violation(request: &Request) -> Option<Violation> {
    let Request {
        credential,
        node,
        began,
        ended,
        outcome,
    } = request;
    let created = *credential.created.get().unwrap();
    let deleted = credential.deletion_answered.get().filter(|at| began > *at);
    let dying = credential.deletion_begun.get().is_some_and(|at| at <= ended);
    let suspensions = credential.suspensions.lock().unwrap();
    let touched = suspensions
        .iter()
        .any(|one| one.begun <= *ended && one.restored >= *began);
    let within = suspensions
        .iter()
        .find(|one| *began > one.answered && *ended < one.restoration_begun);
    match (outcome, deleted) {
        (Outcome::Token, Some(at)) => Some(Violation::TokenAfterDeletion {
            credential: credential.id,
            node: *node,
            began_after_answer: *began - *at,
        }),
        (Outcome::Token, None) if within.is_some() => Some(Violation::TokenInSuspension {
            credential: credential.id,
            node: *node,
            began_after_answer: *began - within?.answered,
        }),
        (Outcome::Refused, _) if *began > created && !dying && !touched => Some(Violation::RefusalOfLive {
            credential: credential.id,
            node: *node,
            began_after_creation: *began - created,
        }),
        _ => None,
    }
}
