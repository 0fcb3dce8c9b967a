//! The states of the model: the secret, and what each node knows of it. Times are ages and remainders in ticks, which
//! keeps the states finite although time never ends: all ages above every lease are equal.

use super::rules::Violation;

/// The state of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    Absent,
    Inserted,
    /// The creation is answered.
    Created,
    Removed,
    /// The DELETE is answered after this many ticks.
    Waiting(u8),
    /// The DELETE is answered.
    Deleted,
    /// It was there from the beginning.
    Working,
    /// The suspension is committed.
    Halted,
    /// It is answered after this many ticks.
    Halting(u8),
    /// It is answered.
    Suspended,
    /// The restoration is committed.
    Returned,
    /// It is answered after this many ticks.
    Returning(u8),
    /// It is answered.
    Restored,
}

/// A copy of the client: the state of the secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Held {
    Without,
    Suspended,
    Live,
}

/// A poll in flight, sent `age` ticks ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Poll {
    pub age: u8,
    pub since: u8,
    pub stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Asked,
    Answered(u8),
    /// Half applied, under the lock; the second half is pending.
    Half(u8),
}

/// A request at a node. It begins when it checks the lease: whatever it did before only delays that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    None,
    /// It has seen a valid lease and is about to read the cache.
    Leased,
    /// It has read the client at a version, and is about to cache it.
    Keeping(u8, Held),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub announced: bool,
    pub applied: u8,
    /// Ticks that are left of the lease.
    pub lease: u8,
    pub memory: Option<Held>,
    pub polls: Vec<Poll>,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub secret: Secret,
    pub longest_lease: u8,
    pub nodes: Vec<Node>,
    pub violation: Option<Violation>,
}

impl State {
    /// The version counter and the state of the secret in the database.
    pub fn database(&self) -> (u8, Held) {
        match self.secret {
            Secret::Absent => (0, Held::Without),
            Secret::Inserted | Secret::Created => (1, Held::Live),
            Secret::Removed | Secret::Waiting(_) | Secret::Deleted => (2, Held::Without),
            Secret::Working => (0, Held::Live),
            Secret::Halted | Secret::Halting(_) | Secret::Suspended => (1, Held::Suspended),
            Secret::Returned | Secret::Returning(_) | Secret::Restored => (2, Held::Live),
        }
    }
}
