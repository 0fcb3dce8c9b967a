//! Why a sign-in through the OpenID provider was refused: a code for the page, a cause for the log.

use store::StoreError;

use crate::http::problem::Problem;

/// Why somebody was not signed in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The WMDA team has added nobody of this verified address, or somebody else is bound to it.
    UnknownPerson,
    /// The provider does not say that several factors were used.
    NoMfa,
    /// The person or their organisation.
    Disabled,
    /// The person has enrolled and not bound this identity: they sign in and do so under their account.
    NotBound,
    /// Anything else; the text is for the log.
    Failed(String),
}

impl Refusal {
    pub(super) fn failed(cause: impl ToString) -> Self {
        Self::Failed(cause.to_string())
    }

    /// With what caused the error.
    pub(super) fn caused(error: impl std::error::Error) -> Self {
        Self::Failed(with_causes(&error))
    }

    /// What the page is told.
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

/// An error with what caused it, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
