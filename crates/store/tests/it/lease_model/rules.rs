//! The stories of a secret, the rules that can be left out, and the properties to hold.

/// A rule that is left out (a mutation of the model).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is left out.
    None,
    /// The lease is counted from when the poll is applied, not from before it was sent.
    LeaseFromTheAnswer,
    /// The lease is published before the evictions.
    PublishedBeforeEviction,
    /// A slow read is cached although a poll has overtaken it.
    KeptWithoutVersion,
    /// An overtaken poll answer moves the version back.
    OvertakenAnswerApplied,
    /// DELETE is answered as soon as it is committed.
    DeleteDoesNotWait,
    /// DELETE waits for its own node's lease, whatever the others have.
    OwnLeaseWaited,
    /// A cache miss is a refusal.
    MissRefused,
    /// Taking a suspension back is answered as soon as it is committed.
    RestorationDoesNotWait,
}

/// The secret's life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// It is created, and deleted.
    CreatedAndDeleted,
    /// It exists, is suspended, and restored.
    SuspendedAndRestored,
}

/// A violated property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A token for a request that began after the DELETE's answer.
    TokenAfterDeletion,
    /// A refusal, before the deletion, of a request that began after the creation's answer; or, outside of a
    /// suspension, of one that began after the restoration's.
    RefusalOfLive,
    /// A token for a request that began after the suspension's answer, before the restoration.
    TokenInSuspension,
}

impl Violation {
    /// The property that is violated.
    pub fn rule(self) -> &'static str {
        match self {
            Self::TokenAfterDeletion => "no token after the DELETE's answer",
            Self::RefusalOfLive => "a created or restored secret is never refused",
            Self::TokenInSuspension => "no token after the suspension's answer",
        }
    }
}
