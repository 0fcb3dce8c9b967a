//! Causes in client authentication.

use actix_web::http::StatusCode;
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
    /// A `client_assertion` that is no JWT, or without its type (RFC 7523 §2.2).
    MalformedAssertion,
    /// A `client_assertion` under a key that is not registered; none can be yet.
    UnknownKey,
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
const FAILED: &str = "Client authentication failed: check client id and client secret.";

impl ClientCause {
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
                "The body must contain the parameter 'client_secret', or the Authorization header the secret.",
            ),
            Self::MalformedAssertion => refused(
                50_013,
                "client_assertion must be a JWT, and client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
            ),
            Self::UnknownKey => refused(
                700_027,
                "The key of client_assertion is not registered for this client: send a client secret instead.",
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
}
