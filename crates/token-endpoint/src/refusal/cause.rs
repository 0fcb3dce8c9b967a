//! The causes of refusals, grouped by subject.

use std::fmt;

use strum::IntoEnumIterator;

use super::{ClientCause, FormCause, ProofCause, RotationCause, ServerCause, TargetCause, row::Row};

/// The cause of a refusal, named in the log and the metrics; nothing in it comes from the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The request is malformed.
    Form(FormCause),
    /// Client authentication failed.
    Client(ClientCause),
    /// The DPoP proof is refused.
    Proof(ProofCause),
    /// The resource or the scope is refused.
    Target(TargetCause),
    /// Secret rotation is refused.
    Rotation(RotationCause),
    /// The server can't answer; no fault of the client.
    Server(ServerCause),
}

impl Cause {
    /// The cause's row in the table of refusals.
    pub(crate) fn row(self) -> Row {
        match self {
            Self::Form(cause) => cause.row(),
            Self::Client(cause) => cause.row(),
            Self::Proof(cause) => cause.row(),
            Self::Target(cause) => cause.row(),
            Self::Rotation(cause) => cause.row(),
            Self::Server(cause) => cause.row(),
        }
    }

    /// The label in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Form(cause) => cause.into(),
            Self::Client(cause) => cause.name(),
            Self::Proof(cause) => cause.into(),
            Self::Target(cause) => cause.into(),
            Self::Rotation(cause) => cause.into(),
            Self::Server(cause) => cause.into(),
        }
    }

    /// Every cause; one variant with a parameter stands for all its parameters.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let form = FormCause::iter().map(Self::Form);
        let client = ClientCause::iter().map(Self::Client);
        let proof = ProofCause::iter().map(Self::Proof);
        let target = TargetCause::iter().map(Self::Target);
        let rotation = RotationCause::iter().map(Self::Rotation);
        form.chain(client)
            .chain(proof)
            .chain(target)
            .chain(rotation)
            .chain(ServerCause::iter().map(Self::Server))
    }
}

/// The name in the log.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(cause) => cause.fmt(f),
            Self::Client(cause) => cause.fmt(f),
            Self::Proof(cause) => cause.fmt(f),
            Self::Target(cause) => cause.fmt(f),
            Self::Rotation(cause) => cause.fmt(f),
            Self::Server(cause) => cause.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn t13_every_text_holds_only_what_rfc_6749_allows_and_names_the_support_address_where_it_sends_people() {
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        for cause in Cause::all() {
            let row = cause.row();
            for answer in [row.standard, row.entra] {
                let text = answer.text("help@example.org");
                assert!(text.bytes().all(allowed), "{text}");
                assert!(!text.contains('{') && !text.contains("wmda"), "{text}");
                assert!(answer.status.is_client_error() || answer.status.is_server_error());
            }
        }
    }

    #[test]
    fn causes_have_names_of_their_own() {
        let names: BTreeSet<_> = Cause::all().map(Cause::name).collect();
        assert_eq!(names.len(), Cause::all().count());
    }

    #[test]
    fn a05_who_fails_to_authenticate_learns_nothing_on_the_standard_route() {
        let texts: BTreeSet<_> = Cause::all()
            .map(Cause::row)
            .filter(|row| row.is_failed_authentication)
            .map(|row| row.standard.text("").into_owned())
            .collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
    }
}
