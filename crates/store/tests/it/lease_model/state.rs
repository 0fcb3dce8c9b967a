//! The states of the model: the secret, and what each node knows of it. Times are ages and remainders in ticks, so time never ends
//! and yet the states are finite: what is older than every lease is all the same.

use super::rules::Violation;

/// How far the secret's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    Absent,
    Inserted,
    /// The creation is answered.
    Created,
    Removed,
    /// The DELETE is answered when so many ticks have passed.
    Waiting(u8),
    /// The DELETE is answered.
    Deleted,
    /// It was there from the beginning.
    Working,
    /// The suspension is committed.
    Halted,
    /// It is answered when so many ticks have passed.
    Halting(u8),
    /// It is answered.
    Suspended,
    /// The restoration is committed.
    Returned,
    /// It is answered when so many ticks have passed.
    Returning(u8),
    /// It is answered.
    Restored,
}

/// The client as somebody has read it: how the secret stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Held {
    Without,
    Suspended,
    Live,
}

/// A poll under way, `age` ticks after it was sent.
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
    /// Half applied, under the lock: what comes second is still to do.
    Half(u8),
}

/// A request at a node. It counts as begun when it looks for a lease: whatever it did before only delays that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    None,
    /// It has seen a valid lease and is about to look into memory.
    Leased,
    /// It has read the client at a version, and is about to keep it.
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
    /// The version counter and how the secret stands, as the database has them.
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
