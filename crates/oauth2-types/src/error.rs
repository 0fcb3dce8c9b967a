//! Error codes of the token endpoint and the error response (RFC 6749 §5.2, RFC 8707 §2).

use serde::Serialize;

/// A value of `error`; each variant cites the section that defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorCode {
    /// RFC 6749 §5.2: the request is malformed, repeats a parameter or lacks one.
    InvalidRequest,
    /// RFC 6749 §5.2: client authentication failed.
    InvalidClient,
    /// RFC 6749 §5.2: the client may not use this grant.
    UnauthorizedClient,
    /// RFC 6749 §5.2: the server does not know this grant.
    UnsupportedGrantType,
    /// RFC 6749 §5.2: the scope is malformed, unknown or not granted.
    InvalidScope,
    /// RFC 8707 §2: the resource is malformed, unknown or not permitted.
    InvalidTarget,
    /// RFC 9449 §5: the DPoP proof is invalid, or missing although required.
    InvalidDpopProof,
    /// RFC 9449 §8: the proof must carry the nonce in this answer.
    UseDpopNonce,
    /// Microsoft Entra's name for an unknown or forbidden resource, on its compatible routes only.
    InvalidResource,
    /// RFC 6749 §4.1.2.1: the server can't answer now; come back after `Retry-After`.
    TemporarilyUnavailable,
    /// RFC 6749 §4.1.2.1: an unexpected condition on the server's side.
    ServerError,
    /// RFC 6749 §4.1.2.1: the authorization endpoint issues nothing here.
    UnsupportedResponseType,
}

/// The body of an error answer. `error_description` holds only the characters of RFC 6749 §5.2 and never input.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    /// The code.
    pub error: ErrorCode,
    /// What was wrong and what to do, for the developer of the client.
    pub error_description: &'a str,
    /// Names the request in the log and in the record of refusals; an extension (RFC 6749 §8.2 leaves room for it).
    pub trace_id: &'a str,
}
