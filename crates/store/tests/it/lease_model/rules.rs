//! What is explored and what must never happen: the story of a secret, the rule that is left out, the promises.

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is left out.
    None,
    /// The lease is counted from when the poll is applied, not from before it was sent.
    LeaseFromTheAnswer,
    /// The lease is published before the evictions.
    PublishedBeforeEviction,
    /// What a slow read brings is kept although a poll has overtaken it.
    KeptWithoutVersion,
    /// An answer that another poll has overtaken turns the version back.
    OvertakenAnswerApplied,
    /// DELETE is answered as soon as it is committed.
    DeleteDoesNotWait,
    /// DELETE waits its own node's lease, whatever the others have.
    OwnLeaseWaited,
    /// A miss in memory is a refusal.
    MissRefused,
    /// What takes a suspension back is answered as soon as it is committed.
    RestorationDoesNotWait,
}

/// What happens to the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// It is created, and deleted.
    CreatedAndDeleted,
    /// It is there, is suspended, and put back.
    SuspendedAndRestored,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A token by a request that began after the DELETE's answer.
    TokenAfterDeletion,
    /// A refusal, before the deletion, of a request that began after the creation's answer; or, outside of a suspension, of one
    /// that began after the restoration's.
    RefusalOfLive,
    /// A token by a request that began after the suspension's answer, before the restoration.
    TokenInSuspension,
}

impl Violation {
    /// The rule that it breaks.
    pub fn rule(self) -> &'static str {
        match self {
            Self::TokenAfterDeletion => "no token after the DELETE's answer",
            Self::RefusalOfLive => "a created or restored secret is never refused",
            Self::TokenInSuspension => "no token after the suspension's answer",
        }
    }
}
