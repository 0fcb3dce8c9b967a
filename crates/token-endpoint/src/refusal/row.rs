//! One row of the table of refusals.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use oauth2_types::error::ErrorCode;

/// Placeholder for the configured support address.
const SUPPORT: &str = "{support}";

/// The error response of one dialect.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) error: ErrorCode,
    text: &'static str,
}

impl Answer {
    /// The text of an answer without the support address.
    pub(super) fn plain(&self) -> &'static str {
        self.text
    }

    /// The text, with the support address filled in.
    pub(crate) fn text(&self, support_address: &str) -> Cow<'static, str> {
        if self.text.contains(SUPPORT) {
            Cow::Owned(self.text.replace(SUPPORT, support_address))
        } else {
            Cow::Borrowed(self.text)
        }
    }
}

/// Everything that follows from a cause: both error responses and the throttle's verdict.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// On `/oauth2/token`, introspection and revocation (RFC 6749 §5.2).
    pub(crate) standard: Answer,
    /// On the Entra routes.
    pub(crate) entra: Answer,
    /// The number after `AADSTS`, on which clients branch.
    pub(crate) entra_code: u32,
    /// Whether the throttle counts it as a failed authentication.
    pub(crate) is_failed_authentication: bool,
}

/// A row whose two dialects differ in Entra's code only.
pub(crate) fn row(status: StatusCode, error: ErrorCode, entra_code: u32, text: &'static str) -> Row {
    let answer = Answer { status, error, text };
    Row {
        standard: answer,
        entra: answer,
        entra_code,
        is_failed_authentication: false,
    }
}

impl Row {
    /// Replaces the response in Entra's dialects.
    pub(crate) fn in_entra(self, status: StatusCode, error: ErrorCode, text: &'static str) -> Self {
        Self {
            entra: Answer { status, error, text },
            ..self
        }
    }

    /// Makes the throttle count it.
    pub(crate) fn counted(self) -> Self {
        Self {
            is_failed_authentication: true,
            ..self
        }
    }
}
