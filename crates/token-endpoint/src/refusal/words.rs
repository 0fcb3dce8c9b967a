//! How the refusal record explains a cause: to people who may see the application, so in more detail than the error
//! response.

use super::{Cause, ClientCause, FormCause, ProofCause, RotationCause, ServerCause, TargetCause};

/// A cause in words, and its remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was wrong.
    pub cause: &'static str,
    /// Who should do what.
    pub remedy: &'static str,
}

/// The cause recorded for a granted request from outside the application's networks, while they are in report-only
/// mode.
pub(crate) const NETWORK_REPORTED: &str = "network_reported";
const REPORTED: Explanation = words(
    "Answered, but it came from a network that is not among the allowed ones, and would be refused if they were enforced.",
    "Add the network to the allowed networks if the system is yours; if it is not, replace the secret at once.",
);

/// The explanation of a cause by its name in the log and the metrics; `None` for a name of another version.
pub fn explanation(name: &str) -> Option<Explanation> {
    if name == NETWORK_REPORTED {
        return Some(REPORTED);
    }
    Cause::all().find(|cause| cause.name() == name).map(Cause::words)
}

const fn words(cause: &'static str, remedy: &'static str) -> Explanation {
    Explanation { cause, remedy }
}

impl Cause {
    /// The explanation of this cause.
    pub(super) fn words(self) -> Explanation {
        match self {
            Self::Form(cause) => cause.words(),
            Self::Client(cause) => cause.words(),
            Self::Target(cause) => cause.words(),
            Self::Rotation(cause) => cause.words(),
            Self::Proof(cause) => cause.words(),
            Self::Server(cause) => cause.words(),
        }
    }
}

impl FormCause {
    fn words(self) -> Explanation {
        match self {
            Self::Missing(_) => words(
                "A parameter of the request is missing.",
                "Send grant_type=client_credentials and, on the Entra routes, the resource or the scope.",
            ),
            Self::CredentialsInQuery => words(
                "A credential or a token was sent in the URL.",
                "Replace the secret, because URLs are logged, and send it in the body or the Authorization header.",
            ),
            Self::UnknownTenant => words(
                "The tenant in the path is not this server's.",
                "Correct the token URL: the page of the application shows the right ones.",
            ),
            Self::ResourceOnV2 => words(
                "The v2.0 endpoint was asked by resource.",
                "Send scope=<resource>/.default in place of resource.",
            ),
            _ => words(
                self.row().entra.plain(),
                "Correct the form of the request: the guide for member systems shows it.",
            ),
        }
    }
}

impl ClientCause {
    fn words(self) -> Explanation {
        const COMPARE: &str = "Compare the first three characters of the secret that the system has with the hints in the \
                               list of secrets; create a new secret if none fits.";
        match self {
            Self::NoClient => words(
                "The request names no client.",
                "Send the client id and the client secret.",
            ),
            Self::NoSecret => words(
                "The request has a client id and no secret.",
                "Set the secret in the system's configuration; an empty value counts as none.",
            ),
            Self::MalformedAssertion => words(
                "client_assertion is not a JWT, or its type is missing.",
                "Send the type urn:ietf:params:oauth:client-assertion-type:jwt-bearer and a signed JWT.",
            ),
            Self::UnknownKey => words(
                "No key of the application has the name in client_assertion, or fits its algorithm.",
                "Compare the kid or thumbprint that the system sends with the list of keys, and register the key.",
            ),
            Self::AssertionSignature => words(
                "The signature of client_assertion does not fit the registered key.",
                "Register the public key that belongs to the private key with which the system signs.",
            ),
            Self::KeyExpired => words(
                "The key has expired.",
                "Make a new key pair on the system and register its public key.",
            ),
            Self::AssertionAlgorithm
            | Self::AssertionSubject
            | Self::AssertionAudience
            | Self::AssertionPast
            | Self::AssertionTimes
            | Self::AssertionId
            | Self::AssertionReplayed => words(
                self.row().entra.plain(),
                "Correct how the system makes its client_assertion: the guide for member systems shows one.",
            ),
            Self::UnknownIssuer | Self::UnknownSubject | Self::UnknownAudience => words(
                self.row().entra.plain(),
                "Compare issuer, subject and audience with the federated credentials of the application, to the letter.",
            ),
            Self::ProfileForbids => words(
                "The application has the profile fapi2, and something weaker than it was used.",
                "Let the system authenticate at /oauth2/token by private_key_jwt.",
            ),
            Self::UnknownClient => words(
                "No application has this client id.",
                "Compare the client id with the one on the application's page; each environment has its own.",
            ),
            Self::WrongSecret => words("The value is not a secret of this application.", COMPARE),
            Self::SecretId => words(
                "The id of a secret was sent in place of its value.",
                "Send the value, which was shown once when the secret was created; if it is lost, create a new secret.",
            ),
            Self::Expired => words(
                "The secret has expired.",
                "Create a new secret and put it into the system's configuration.",
            ),
            Self::Suspended => words(
                "The secret is suspended for a time.",
                "Put it back, or put another secret into the system's configuration.",
            ),
            Self::Deleted => words(
                "The secret was deleted.",
                "Put a secret that is in the list into the system's configuration, or create a new one.",
            ),
            Self::SurroundedSecret => words(
                "The secret is correct, but there is something around it: white space, a line end or quotes.",
                "Remove what surrounds the value in the system's configuration; often it is a line end in a file.",
            ),
            Self::Network => words(
                "The secret is correct, but the request came from a network that the application does not allow.",
                "Add the network to the allowed networks if the system is yours; if it is not, replace the secret at once.",
            ),
            Self::Disabled => words("The application is disabled.", "Ask the WMDA team to enable it."),
            Self::OrganisationDisabled => words(
                "The organisation of the application is disabled.",
                "Ask the WMDA team to enable it.",
            ),
        }
    }
}

impl ProofCause {
    fn words(self) -> Explanation {
        words(
            self.row().entra.plain(),
            "Correct the system's DPoP proof: the guide for member systems shows one.",
        )
    }
}

impl RotationCause {
    fn words(self) -> Explanation {
        match self {
            Self::RotationNotAllowed => words(
                "A system wanted to replace its secret by itself, but self-rotation is off for the application.",
                "Switch self-rotation on, or rotate by hand.",
            ),
            Self::KeysOnly => words(
                "A system wanted to replace its secret by itself, but the organisation's policy allows no new secrets.",
                "Register a key.",
            ),
            Self::NotBySecret => words(
                "A system wanted to replace its secret, but did not authenticate with a secret.",
                "Authenticate with the secret that is to be replaced.",
            ),
            Self::RotatedBefore => words(
                "A secret was replaced twice within a day.",
                "Use the newest secret that the system has received.",
            ),
            Self::TooManySecrets => words(
                "The application has the maximum number of live secrets.",
                "Delete a secret that is not needed.",
            ),
        }
    }
}

impl TargetCause {
    fn words(self) -> Explanation {
        match self {
            Self::ScopeSyntax => words(
                "The scope has a character that is not allowed in a scope.",
                "Send role names separated by spaces, or no scope.",
            ),
            Self::ScopeNotGranted => words(
                "A scope is unknown or not granted on this resource.",
                "Send no scope to get all that is granted, or ask the WMDA team for the permission.",
            ),
            Self::ScopeNotDefault => words(
                "The scope is not one resource followed by /.default.",
                "Send scope=<resource>/.default.",
            ),
            Self::SeveralResources => {
                words("Several resources were named.", "Ask for one token per resource.")
            }
            Self::AmbiguousResource => words(
                "No resource was named, and the application may use several.",
                "Name one in the resource parameter: the application's page lists them.",
            ),
            Self::UnknownResource => words(
                "No resource has the name that was asked for.",
                "Compare it with the resources on the application's page; each environment has its own.",
            ),
            Self::ResourceNotGranted => words(
                "The resource is not granted to this application.",
                "Ask the WMDA team for the permission.",
            ),
        }
    }
}

impl ServerCause {
    fn words(self) -> Explanation {
        match self {
            Self::Throttled => words(
                "Too many failed attempts came from this address before.",
                "Correct the system that fails, and wait as long as Retry-After says.",
            ),
            Self::TooOften => words(
                "The system asked to exchange its secret, or to revoke tokens, too often in a short time.",
                "Correct the system: once a day is enough for an exchange. Until then it waits as long as Retry-After says.",
            ),
            Self::Unavailable => words(
                "The database was not available or overloaded.",
                "There is nothing to change on the system: try again after Retry-After.",
            ),
            Self::Internal => words(
                "The server failed.",
                "The operator finds the failure in the log by the trace id.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_explained_by_its_name() {
        for cause in Cause::all() {
            let Explanation { cause: text, remedy } = explanation(cause.name()).unwrap();
            assert!(text.ends_with('.') && remedy.ends_with('.'), "{text} {remedy}");
            assert!(!text.contains('{') && !remedy.contains('{'), "{text} {remedy}");
        }
        assert_eq!(explanation(NETWORK_REPORTED), Some(REPORTED));
        assert_eq!(explanation("no_such_cause"), None);
    }
}
