//! Why a sign-in through the OpenID provider is refused: a code for the page, a cause for the log.

use store::StoreError;

use crate::http::problem::Problem;

/// Why sign-in is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody was added with this verified address, or they are bound to another identity.
    UnknownPerson,
    /// The provider does not assert multi-factor authentication.
    NoMfa,
    /// The person or their organisation is disabled.
    Disabled,
    /// The person has enrolled but not bound this identity: they must sign in and bind it in their account.
    NotBound,
    /// Another failure; the text is for the log.
    Failed(String),
}

impl Refusal {
    pub(super) fn failed(cause: impl ToString) -> Self {
        Self::Failed(cause.to_string())
    }

    /// A failure with the causes of an error.
    pub(super) fn caused(error: impl std::error::Error) -> Self {
        Self::Failed(with_causes(&error))
    }

    /// The code for the page.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownPerson => "unknown_person",
            Self::NoMfa => "no_mfa",
            Self::Disabled => "disabled",
            Self::NotBound => "not_bound",
            Self::Failed(_) => "failed",
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unavailable(cause) | Problem::Internal(cause) => Self::Failed(cause),
            other => Self::failed(other),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

/// An error with its sources, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
