//! Entra's error codes, which clients branch on, for every cause of a refusal.

use actix_web::http::StatusCode;

use crate::failure::Failure;

/// The number behind `AADSTS`, and what it means.
pub(crate) fn code_and_text(failure: &Failure) -> (u32, &'static str) {
    match failure {
        Failure::Method => (900_561, "This endpoint accepts POST only."),
        Failure::TooLarge => (9_002_313, "The body exceeds 16 KiB."),
        Failure::ContentEncoding => (9_002_313, "Send the body without Content-Encoding."),
        Failure::Malformed(text) => (9_002_313, text),
        Failure::Missing("resource") => (900_144, "The body must contain the parameter 'resource'."),
        Failure::Missing("scope") => (900_144, "The body must contain the parameter 'scope'."),
        Failure::Missing(_) => (900_144, "The body must contain the parameter 'grant_type'."),
        Failure::NoClient => (900_144, "The body must contain the parameter 'client_id'."),
        Failure::NoSecret => (7_000_216, "The body must contain the parameter 'client_secret'."),
        Failure::UnsupportedGrant => (70_003, "The only grant type is client_credentials."),
        Failure::UnknownClient => (700_016, "No application has this client id."),
        Failure::WrongSecret { is_secret_id: true } => (
            7_000_215,
            "The id of a secret was sent: send its value, which was shown once at its creation.",
        ),
        Failure::WrongSecret { .. } => (
            7_000_215,
            "The client secret is wrong; send its value and not its id.",
        ),
        Failure::Expired => (7_000_222, "The client secret has expired: create a new one."),
        Failure::Disabled => (
            7_000_112,
            "The application is disabled: contact support@wmda.info.",
        ),
        Failure::Scope(_) => (1_002_012, "The scope must be one resource followed by /.default."),
        Failure::SeveralResources => (700_022, "A token is for one resource; several were named."),
        Failure::UnknownResource | Failure::AmbiguousResource => (500_011, "The resource is unknown."),
        Failure::ResourceNotGranted => (650_057, "The resource is not granted to this client."),
        Failure::ResourceOnV2 => (901_002, "This endpoint takes 'scope', not 'resource'."),
        Failure::UnknownTenant => (90_002, "The tenant in the path is unknown."),
        Failure::Throttled(_) => (90_055, "Too many failed attempts: wait as Retry-After says."),
        Failure::Unavailable(_) => (90_033, "The server can't answer now: try again shortly."),
        Failure::Internal(_) => (50_000, "The server failed; the failure is logged."),
    }
}

/// The member `error`, where Entra has names of its own beside RFC 6749's.
pub(crate) fn error(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoSecret | Failure::WrongSecret { .. } | Failure::Expired => "invalid_client",
        Failure::UnknownClient | Failure::Disabled => "unauthorized_client",
        Failure::UnsupportedGrant => "unsupported_grant_type",
        Failure::Scope(_) | Failure::SeveralResources => "invalid_scope",
        Failure::UnknownResource | Failure::AmbiguousResource | Failure::ResourceNotGranted => {
            "invalid_resource"
        }
        Failure::Throttled(_) | Failure::Unavailable(_) => "temporarily_unavailable",
        Failure::Internal(_) => "server_error",
        _ => "invalid_request",
    }
}

/// As on the other routes, but 400 for a client that is missing, unknown or disabled.
pub(crate) fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::NoClient | Failure::UnknownClient | Failure::Disabled => StatusCode::BAD_REQUEST,
        other => other.status(),
    }
}
