//! The reasons to reject a DPoP proof (RFC 9449 §4.3). Nothing in them comes from the request.

use std::fmt;

use crate::{jws::JwsError, public_key::UnfitKey, strict_json::NotStrict};

/// Why a proof is rejected. The text is for the client's developer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProofError {
    /// It is too long.
    TooLong,
    /// §4.3 point 2: it is no JWT.
    #[default]
    Malformed,
    /// RFC 8725 §2.4: a JSON member is repeated.
    Repeated,
    /// RFC 7515 §4.1.11: no `crit` extension is supported.
    Critical,
    /// §4.3 point 4: `typ`.
    Type,
    /// §4.3 point 5: `alg`.
    Algorithm,
    /// §4.3 point 3, §4.2: `jwk` is missing or unsuitable.
    Key,
    /// §4.3 point 7: `jwk` holds a private key.
    PrivateKey,
    /// §4.3 point 6: the signature does not verify.
    Signature,
    /// §4.3 point 3: `jti`, `htm`, `htu` or `iat` is missing.
    Claims,
    /// §4.2: `jti`.
    Identifier,
    /// §4.3 point 8: `htm`.
    Method,
    /// §4.3 point 9: `htu`.
    Target,
    /// §4.3 point 11: `iat`.
    Time,
    /// §4.3 point 12: `ath`.
    Token,
}

impl ProofError {
    /// What is wrong and the remedy, in the characters of RFC 6749 §5.2.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLong => "The DPoP proof is longer than 8 KiB.",
            Self::Malformed => "The DPoP header must be one signed JWT in compact form.",
            Self::Repeated => "The DPoP proof repeats a JSON key.",
            Self::Critical => {
                "The DPoP proof has a crit or b64 header, which this server does not understand."
            }
            Self::Type => "The typ of a DPoP proof must be dpop+jwt.",
            Self::Algorithm => "The alg of a DPoP proof must be ES256, PS256 or EdDSA.",
            Self::Key => {
                "The jwk of a DPoP proof must be the public key for its alg: P-256, RSA of 2048 to 4096 bits, or Ed25519."
            }
            Self::PrivateKey => {
                "The jwk of a DPoP proof holds a private key: make another key, for this one is known now."
            }
            Self::Signature => "The signature of the DPoP proof is not by the key in its jwk.",
            Self::Claims => "A DPoP proof must have jti, htm and htu as strings and iat as a number.",
            Self::Identifier => "The jti of a DPoP proof must have 1 to 256 characters.",
            Self::Method => "The htm of the DPoP proof is not the method of this request.",
            Self::Target => "The htu of the DPoP proof is not the address of this request.",
            Self::Time => {
                "The iat of the DPoP proof lies more than 60 seconds in the past or 10 in the future, or it has expired: check the clock, and make a proof for each request."
            }
            Self::Token => "The ath of the DPoP proof is not the hash of the access token.",
        }
    }
}

impl std::error::Error for ProofError {}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<JwsError> for ProofError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Malformed => Self::Malformed,
            JwsError::Repeated => Self::Repeated,
            JwsError::Critical => Self::Critical,
            JwsError::Algorithm => Self::Algorithm,
        }
    }
}

impl From<NotStrict> for ProofError {
    fn from(error: NotStrict) -> Self {
        match error {
            NotStrict::Malformed => Self::Malformed,
            NotStrict::Repeated => Self::Repeated,
            NotStrict::Mismatch => Self::Claims,
        }
    }
}

impl From<UnfitKey> for ProofError {
    fn from(error: UnfitKey) -> Self {
        match error {
            UnfitKey::Private => Self::PrivateKey,
            _ => Self::Key,
        }
    }
}
