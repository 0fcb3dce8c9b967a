//! The nouns of mails for each kind of credential, and how to create a successor.

use domain::credential::CredentialKind;

/// The nouns for one kind of credential.
pub(crate) struct Noun {
    /// At the beginning of a sentence.
    pub(crate) first: &'static str,
    /// Within a sentence.
    pub(crate) full: &'static str,
    /// Within a sentence, when the context is clear.
    pub(crate) short: &'static str,
    /// The label of its row in a table.
    pub(crate) row: &'static str,
    /// How to create a successor, at the beginning of a sentence.
    pub(crate) make: &'static str,
    /// The same within a sentence.
    pub(crate) make_within: &'static str,
    /// How a system gets it.
    pub(crate) give: &'static str,
}

pub(crate) fn of(kind: CredentialKind) -> Noun {
    match kind {
        CredentialKind::Secret => Noun {
            first: "Client secret",
            full: "client secret",
            short: "secret",
            row: "Secret",
            make: "Create a new secret",
            make_within: "create a new secret",
            give: "Put the new value into",
        },
        CredentialKind::Key => Noun {
            first: "Key",
            full: "key",
            short: "key",
            row: "Key",
            make: "Register a new key",
            make_within: "register a new key",
            give: "Put its private half into",
        },
        CredentialKind::Federated => Noun {
            first: "Federated credential",
            full: "federated credential",
            short: "federated credential",
            row: "Federated credential",
            make: "Register a new federated credential",
            make_within: "register a new federated credential",
            give: "Use it in",
        },
    }
}
