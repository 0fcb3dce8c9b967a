//! Causes in client authentication.

use actix_web::http::StatusCode;
use domain::credential::CredentialKind;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Why a client is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ClientCause {
    /// No client id.
    NoClient,
    /// Neither a secret nor an assertion.
    NoSecret,
    /// A `client_assertion` that can't be read, or without its type (RFC 7523 §2.2).
    MalformedAssertion,
    /// An `alg` that no key here has.
    AssertionAlgorithm,
    /// `iss` and `sub` that are not the client id.
    AssertionSubject,
    /// A `client_assertion` under a key or certificate that is not registered.
    UnknownKey,
    /// The key that it names did not sign it.
    AssertionSignature,
    /// A key whose time has passed: its holder has proved it.
    KeyExpired,
    /// Not for this endpoint alone.
    AssertionAudience,
    /// Past its `exp`.
    AssertionPast,
    /// Times that lie too far ahead or too far back.
    AssertionTimes,
    /// No `jti`.
    AssertionId,
    /// Used before.
    AssertionReplayed,
    /// No federated identity of this issuer.
    UnknownIssuer,
    /// No federated identity of this subject.
    UnknownSubject,
    /// No federated identity with this audience.
    UnknownAudience,
    /// The application's profile takes keys only, at the standard's endpoint.
    ProfileForbids,
    /// No application has this client id.
    UnknownClient,
    /// A value that is no secret of this client.
    WrongSecret,
    /// The id of a secret in place of its value.
    SecretId,
    /// A secret whose time has passed: its holder has proved possession, so nothing is given away.
    Expired,
    /// A credential that its managers have suspended; its holder, too, has proved possession.
    Suspended,
    /// The application is disabled.
    Disabled,
    /// Its organisation is.
    OrganisationDisabled,
    /// A secret that was deleted.
    Deleted,
    /// A secret with something around it that is no part of it: white space, a line end, quotes.
    SurroundedSecret,
    /// A right secret from a network that the application does not allow.
    Network,
}

/// One text for all who did not prove who they are.
const FAILED: &str = "Client authentication failed: check the client id and its secret or key.";

impl ClientCause {
    /// As the metrics and the record call it. Whoever looks for what has expired knows these two by the same names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Expired => CredentialKind::Secret.cause_of_expiry(),
            Self::KeyExpired => CredentialKind::Key.cause_of_expiry(),
            _ => self.into(),
        }
    }

    /// Whether throttling counts it.
    pub(crate) fn is_failed_authentication(self) -> bool {
        self.row().is_failed_authentication
    }

    pub(super) fn row(self) -> Row {
        use ErrorCode::{InvalidClient, InvalidRequest, UnauthorizedClient};
        let refused = |code, text| row(StatusCode::UNAUTHORIZED, InvalidClient, code, text);
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::NoClient => refused(
                900_144,
                "Send client id and client secret by HTTP Basic or in the body.",
            )
            .in_entra(
                bad,
                InvalidRequest,
                "The body must contain the parameter 'client_id'.",
            ),
            Self::NoSecret => refused(
                7_000_216,
                "The body must contain the parameter 'client_secret' or 'client_assertion', or the Authorization header the secret.",
            ),
            Self::MalformedAssertion
            | Self::AssertionAlgorithm
            | Self::AssertionSubject
            | Self::UnknownKey
            | Self::AssertionSignature
            | Self::KeyExpired
            | Self::AssertionAudience
            | Self::AssertionPast
            | Self::AssertionTimes
            | Self::AssertionId
            | Self::AssertionReplayed
            | Self::UnknownIssuer
            | Self::UnknownSubject
            | Self::UnknownAudience => self.assertion_row(),
            Self::ProfileForbids => refused(
                7_000_215,
                "This application has the profile fapi2: authenticate at /oauth2/token by private_key_jwt.",
            ),
            Self::UnknownClient => refused(700_016, FAILED)
                .in_entra(bad, UnauthorizedClient, "No application has this client id.")
                .counted(),
            Self::WrongSecret | Self::Deleted | Self::SurroundedSecret | Self::Network => {
                refused(7_000_215, FAILED)
                    .in_entra(
                        StatusCode::UNAUTHORIZED,
                        InvalidClient,
                        "The client secret is wrong or deleted; send its value and not its id.",
                    )
                    .counted()
            }
            Self::SecretId => refused(7_000_215, FAILED)
                .in_entra(
                    StatusCode::UNAUTHORIZED,
                    InvalidClient,
                    "The id of a secret was sent: send its value, which was shown once at its creation.",
                )
                .counted(),
            Self::Expired => refused(
                7_000_222,
                "This client secret has expired: create a new one at Manage API Credentials.",
            ),
            // Entra suspends no secrets. Its clients know this code for access that an administrator blocks for a time
            // (BlockedByConditionalAccess), and no other cause has it here.
            Self::Suspended => refused(
                53_003,
                "This credential is suspended for a time: its credential managers can put it back at Manage API Credentials.",
            ),
            Self::Disabled | Self::OrganisationDisabled => refused(7_000_112, FAILED)
                .in_entra(
                    bad,
                    UnauthorizedClient,
                    "The application is disabled: write to {support}.",
                )
                .counted(),
        }
    }

    /// The rows about client assertions. What fails before the signature proves nothing, and says nothing.
    fn assertion_row(self) -> Row {
        let unauthorized = StatusCode::UNAUTHORIZED;
        let refused = |code, text| row(unauthorized, ErrorCode::InvalidClient, code, text);
        let unproved = |code, text| {
            refused(code, FAILED)
                .in_entra(unauthorized, ErrorCode::InvalidClient, text)
                .counted()
        };
        match self {
            Self::AssertionAlgorithm => refused(
                50_013,
                "The alg of client_assertion must be ES256, PS256 or EdDSA; certificates on the tenant routes may use RS256.",
            ),
            Self::AssertionSubject => refused(
                50_013,
                "iss and sub of client_assertion must be the client id, and client_id the same if it is sent.",
            ),
            Self::UnknownKey => unproved(
                700_027,
                "No key or certificate of this client has the name in the header of client_assertion, or fits its alg.",
            ),
            Self::AssertionSignature => unproved(
                700_027,
                "The signature of client_assertion does not fit the registered key or certificate.",
            ),
            Self::KeyExpired => refused(
                700_027,
                "The key or certificate of client_assertion has expired: register a new one at Manage API Credentials.",
            ),
            Self::AssertionAudience => refused(
                700_023,
                "aud of client_assertion must be one text: the issuer, or on the tenant routes the URL of this token endpoint.",
            ),
            Self::AssertionPast => refused(
                700_024,
                "client_assertion has expired: make a new one for each request, and check the clock.",
            ),
            Self::AssertionTimes => refused(
                700_024,
                "client_assertion is not within its time range: exp at most 5 minutes ahead, on the tenant routes 15, iat and nbf not in the future; check the clock.",
            ),
            Self::AssertionId => refused(50_013, "client_assertion must have a jti that is new each time."),
            Self::AssertionReplayed => refused(
                50_013,
                "client_assertion was used before: make a new one with a new jti for each request.",
            ),
            Self::UnknownIssuer => unproved(
                700_211,
                "No federated identity of this client has the issuer of client_assertion.",
            ),
            Self::UnknownAudience => refused(
                700_212,
                "No federated identity of this client has the audience of client_assertion.",
            ),
            Self::UnknownSubject => refused(
                700_213,
                "No federated identity of this client has the subject of client_assertion.",
            ),
            _ => refused(
                50_013,
                "client_assertion must be a JWT with iss, sub, aud, exp and jti, and client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
            ),
        }
    }
}
