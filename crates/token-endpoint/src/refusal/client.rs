//! Causes of failed client authentication.

use actix_web::http::StatusCode;
use domain::credential::CredentialKind;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Why a client is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ClientCause {
    /// No client id is presented.
    NoClient,
    /// Neither a secret nor an assertion.
    NoSecret,
    /// A `client_assertion` that can't be read, or without its type (RFC 7523 §2.2).
    MalformedAssertion,
    /// An `alg` that no registered key has.
    AssertionAlgorithm,
    /// `iss` or `sub` is not the client id.
    AssertionSubject,
    /// A `client_assertion` signed by an unregistered key or certificate.
    UnknownKey,
    /// The signature does not verify under the named key.
    AssertionSignature,
    /// The key has expired; the client has proved possession of it.
    KeyExpired,
    /// The audience is not this endpoint, or not this endpoint alone.
    AssertionAudience,
    /// Past its `exp`.
    AssertionPast,
    /// `exp`, `nbf` or `iat` lies too far ahead or too far back.
    AssertionTimes,
    /// No `jti`.
    AssertionId,
    /// Replayed: its `jti` was used before.
    AssertionReplayed,
    /// No federated identity has this issuer.
    UnknownIssuer,
    /// No federated identity has this subject.
    UnknownSubject,
    /// No federated identity has this audience.
    UnknownAudience,
    /// The application's security profile requires keys, at the standard's endpoint.
    ProfileForbids,
    /// No application has this client id.
    UnknownClient,
    /// A value that is no secret of this client.
    WrongSecret,
    /// The secret's id instead of its value.
    SecretId,
    /// The secret has expired; the client has proved possession, so the answer discloses nothing.
    Expired,
    /// The credential is suspended by its managers; the client has proved possession of it too.
    Suspended,
    /// The application is disabled.
    Disabled,
    /// The application's organisation is disabled.
    OrganisationDisabled,
    /// The secret was deleted.
    Deleted,
    /// The secret has white space, line ends or quotes around it.
    SurroundedSecret,
    /// The secret is right, but the source is outside the application's allowed networks.
    Network,
}

/// One text for everybody who has not proved possession of a credential.
const FAILED: &str = "Client authentication failed: check the client id and its secret or key.";

impl ClientCause {
    /// The name in the metrics and the refusal record. `Expired` and `KeyExpired` keep the names under which
    /// dashboards find them.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Expired => CredentialKind::Secret.cause_of_expiry(),
            Self::KeyExpired => CredentialKind::Key.cause_of_expiry(),
            _ => self.into(),
        }
    }

    /// Whether the throttle counts it as a failed authentication.
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
            // Entra can't suspend secrets. Its clients know this code as access blocked by an administrator for a
            // time (BlockedByConditionalAccess), and no other cause uses it here.
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

    /// The rows of client assertions. A failure before the signature check proves nothing, so its text discloses
    /// nothing.
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
