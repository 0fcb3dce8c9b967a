//! Causes in the requested resource and scope.

use actix_web::http::StatusCode;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Why no token is issued for the resource or the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum TargetCause {
    /// A character that RFC 6749 §3.3 forbids.
    ScopeSyntax,
    /// A role that is not granted to the client on this resource.
    ScopeNotGranted,
    /// On Entra v2: the scope is not one resource with `/.default`.
    ScopeNotDefault,
    SeveralResources,
    /// No resource is requested, and the client does not have exactly one.
    AmbiguousResource,
    UnknownResource,
    ResourceNotGranted,
}

/// One text whether or not the resource exists, so that clients can't enumerate resources (RFC 8707 §2).
const NOT_FOR_YOU: &str = "The resource is unknown or not granted to this client.";

impl TargetCause {
    pub(super) fn row(self) -> Row {
        use ErrorCode::{InvalidRequest, InvalidResource, InvalidScope, InvalidTarget};
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::ScopeSyntax => {
                let text = "The scope has a character that RFC 6749 section 3.3 forbids.";
                row(bad, InvalidScope, 1_002_012, text)
            }
            Self::ScopeNotGranted => {
                let text = "A scope is unknown or not granted on this resource.";
                row(bad, InvalidScope, 1_002_012, text)
            }
            Self::ScopeNotDefault => {
                let text = "The scope must be one resource followed by /.default.";
                row(bad, InvalidScope, 1_002_012, text)
            }
            Self::SeveralResources => {
                let text = "A token is for one resource: send the resource parameter once.";
                row(bad, InvalidTarget, 700_022, text).in_entra(
                    bad,
                    InvalidScope,
                    "A token is for one resource; several were named.",
                )
            }
            Self::AmbiguousResource => {
                let text = "Several resources are possible: name one in the resource parameter.";
                row(bad, InvalidTarget, 900_144, text).in_entra(bad, InvalidRequest, text)
            }
            Self::UnknownResource => row(bad, InvalidTarget, 500_011, NOT_FOR_YOU).in_entra(
                bad,
                InvalidResource,
                "The resource is unknown.",
            ),
            Self::ResourceNotGranted => row(bad, InvalidTarget, 650_057, NOT_FOR_YOU).in_entra(
                bad,
                InvalidResource,
                "The resource is not granted to this client: write to {support}.",
            ),
        }
    }
}
