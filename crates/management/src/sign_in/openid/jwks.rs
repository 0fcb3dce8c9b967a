//! The provider's public keys (RFC 7517, RFC 7518 section 6, RFC 8037), and which of them verifies a signature.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::json::{self, JsonError};

/// As some providers leave bits after the last octet set (RFC 4648 section 3.5).
const BASE64URL: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Why no key verifies a signature.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKey {
    #[error("No matching key found")]
    Unknown,
    /// Without `kid`, only one key may fit (OpenID Connect Core 1.0 section 10.1).
    #[error("Ambiguous key identification: {0} keys fit")]
    Ambiguous(usize),
}

/// A JWK Set without the keys that are malformed or of another kind.
#[derive(Debug, Default)]
pub(super) struct Jwks(Vec<Key>);

/// A public key, with its only algorithm or those of its type.
#[derive(Debug)]
struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    #[serde(flatten)]
    public_key: PublicKey,
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum PublicKey {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

impl Jwks {
    /// Parses a JWK Set; an unsuitable key is skipped (RFC 7517 section 5).
    pub(super) fn parse(text: &[u8]) -> Result<Self, JsonError> {
        let set: Set = json::parse(text)?;
        Ok(Self(set.keys.into_iter().filter_map(Key::parse).collect()))
    }

    /// The only key for this algorithm with this `kid`, if the token has one.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, NoKey> {
        let fits =
            |key: &&Key| key.algorithms.contains(&algorithm) && (kid.is_none() || key.kid.as_deref() == kid);
        match *self.0.iter().filter(fits).collect::<Vec<_>>() {
            [] => Err(NoKey::Unknown),
            [key] => Ok(&key.decoding),
            ref several => Err(NoKey::Ambiguous(several.len())),
        }
    }
}

impl Key {
    fn parse(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let mut algorithms = jwk.public_key.algorithms();
        if let Some(declared) = jwk.alg {
            let declared: Algorithm = declared.parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == declared);
        }
        Some(Self {
            kid: jwk.kid,
            algorithms,
            decoding: jwk.public_key.decoding()?,
        })
    }
}

impl PublicKey {
    fn algorithms(&self) -> Vec<Algorithm> {
        match self {
            Self::Rsa { .. } => vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
            ],
            Self::Ec { crv, .. } if crv == "P-256" => vec![Algorithm::ES256],
            Self::Ec { crv, .. } if crv == "P-384" => vec![Algorithm::ES384],
            Self::Okp { crv, .. } if crv == "Ed25519" => vec![Algorithm::EdDSA],
            Self::Ec { .. } | Self::Okp { .. } => Vec::new(),
        }
    }

    fn decoding(&self) -> Option<DecodingKey> {
        let octets = |text: &str| BASE64URL.decode(text).ok();
        Some(match self {
            Self::Rsa { n, e } => {
                let (n, e) = (octets(n)?, octets(e)?);
                DecodingKey::from_rsa_raw_components(without_zeros(&n), without_zeros(&e))
            }
            // The uncompressed point (SEC 1 section 2.3.3).
            Self::Ec { x, y, .. } => DecodingKey::from_ec_der(&[vec![4], octets(x)?, octets(y)?].concat()),
            Self::Okp { x, .. } => DecodingKey::from_ed_der(&octets(x)?),
        })
    }
}

/// Some providers prefix a zero octet, against RFC 7518 section 6.3.1.1.
fn without_zeros(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|octet| **octet == 0).count();
    &integer[zeros..]
}
