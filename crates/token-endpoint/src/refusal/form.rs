//! Causes of a malformed request: method, content type, body, parameters.

use actix_web::http::StatusCode;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Entra's code for a malformed request.
const MALFORMED: u32 = 9_002_313;

/// What is wrong with the form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum FormCause {
    Method,
    TooLarge,
    ContentEncoding,
    Unreadable,
    ContentType,
    Charset,
    BodyEncoding,
    QueryEncoding,
    CredentialsInQuery,
    Repeated,
    TwoMethods,
    TwoHeaders,
    NotBasic,
    TwoClientIds,
    Missing(Parameter),
    UnsupportedGrant,
    UnknownTenant,
    ResourceOnV2,
}

/// A required parameter that may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parameter {
    #[default]
    GrantType,
    Resource,
    Scope,
    Token,
}

impl FormCause {
    pub(super) fn row(self) -> Row {
        use ErrorCode::{InvalidRequest, UnsupportedGrantType};
        let malformed = |text| row(StatusCode::BAD_REQUEST, InvalidRequest, MALFORMED, text);
        let bad = |code, text| row(StatusCode::BAD_REQUEST, InvalidRequest, code, text);
        match self {
            Self::Method => {
                let text = "This endpoint accepts POST only.";
                row(StatusCode::METHOD_NOT_ALLOWED, InvalidRequest, 900_561, text)
            }
            Self::TooLarge => {
                let text = "The body exceeds 16 KiB.";
                row(StatusCode::PAYLOAD_TOO_LARGE, InvalidRequest, MALFORMED, text)
            }
            Self::ContentEncoding => {
                let text = "Send the body as it is, without Content-Encoding.";
                row(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    InvalidRequest,
                    MALFORMED,
                    text,
                )
            }
            Self::Unreadable => malformed("The body could not be read."),
            Self::ContentType => malformed("Send the parameters as application/x-www-form-urlencoded."),
            Self::Charset => malformed("Send the parameters in UTF-8; UTF-16 and UTF-32 are not understood."),
            Self::BodyEncoding => malformed("The body must be percent-encoded UTF-8 without NUL characters."),
            Self::QueryEncoding => malformed("The query has bad percent-encoding."),
            Self::CredentialsInQuery => malformed(
                "Credentials and tokens belong in the body or the Authorization header, never in the URL; replace this secret, URLs are logged.",
            ),
            Self::Repeated => malformed("A parameter is repeated; send each one once."),
            Self::TwoMethods => malformed(
                "Use one way of client authentication: the Authorization header, client_secret or client_assertion.",
            ),
            Self::TwoHeaders => malformed("Send one Authorization header."),
            Self::NotBasic => malformed(
                "The Authorization header must be Basic with base64 of client id, colon, client secret.",
            ),
            Self::TwoClientIds => {
                malformed("client_id in the body differs from the one in the Authorization header.")
            }
            Self::Missing(parameter) => bad(900_144, parameter.missing()),
            Self::UnsupportedGrant => {
                let text = "The only grant type is client_credentials.";
                row(StatusCode::BAD_REQUEST, UnsupportedGrantType, 70_003, text)
            }
            Self::UnknownTenant => bad(90_002, "The tenant in the path is unknown."),
            Self::ResourceOnV2 => bad(901_002, "This endpoint takes 'scope', not 'resource'."),
        }
    }
}

impl Parameter {
    fn missing(self) -> &'static str {
        match self {
            Self::GrantType => "The body must contain the parameter 'grant_type': send client_credentials.",
            Self::Resource => "The body must contain the parameter 'resource'.",
            Self::Scope => "The body must contain the parameter 'scope'.",
            Self::Token => "The body must contain the parameter 'token'.",
        }
    }
}
