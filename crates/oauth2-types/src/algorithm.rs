//! Signing algorithms (RFC 7518 §3.1, RFC 8037 §3.1) by their JWA names, and the keys of each. The only list of them:
//! a new one is a variant here, and its key generation, loading and signing in `keystore::pair`.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, RSAKeyParameters};
use strum::VariantArray;

/// RFC 7518 §3.3, §3.5: 2048 bits at least.
const MIN_RSA_BYTES: usize = 256;

/// A signing algorithm. A key is for one algorithm only (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Its JWA name, the value of `alg`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The algorithm in the `alg` of a public key, if the key fits it; else `None`.
    pub fn of_key(key: &Jwk) -> Option<Self> {
        let declared = key.common.key_algorithm?.to_string();
        declared
            .parse()
            .ok()
            .filter(|algorithm: &Self| algorithm.fits(&key.algorithm))
    }

    fn fits(self, key: &AlgorithmParameters) -> bool {
        match self {
            Self::ES256 => {
                matches!(key, AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256)
            }
            Self::RS256 | Self::PS256 => {
                matches!(key, AlgorithmParameters::RSA(key) if is_long_enough(key))
            }
            Self::EdDSA => {
                matches!(key, AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519)
            }
        }
    }
}

fn is_long_enough(key: &RSAKeyParameters) -> bool {
    let modulus = URL_SAFE_NO_PAD.decode(&key.n);
    modulus.is_ok_and(|modulus| modulus.len() >= MIN_RSA_BYTES)
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::ES256 => Self::ES256,
            Algorithm::RS256 => Self::RS256,
            Algorithm::PS256 => Self::PS256,
            Algorithm::EdDSA => Self::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Algorithm`]'s, such as `none` and every HMAC.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl std::error::Error for UnknownAlgorithm {}

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Algorithm::VARIANTS.iter().map(|one| one.name()).collect();
        write!(f, "unknown signing algorithm: use one of {}", known.join(", "))
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let mut known = Self::VARIANTS.iter().copied();
        known.find(|one| one.name() == name).ok_or(UnknownAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(key: Value) -> Option<Algorithm> {
        Algorithm::of_key(&serde_json::from_value(key).unwrap())
    }

    #[test]
    fn j03_names_are_those_of_the_standard_to_the_letter() {
        for algorithm in Algorithm::VARIANTS {
            assert_eq!(algorithm.name().parse(), Ok(*algorithm));
        }
        for other in ["none", "HS256", "es256", "ES384", "Ed25519", ""] {
            assert_eq!(other.parse::<Algorithm>(), Err(UnknownAlgorithm), "{other}");
        }
    }

    #[test]
    fn j03_a_key_is_for_the_algorithm_that_it_declares_and_only_if_it_fits() {
        // RFC 8037 appendix A.2.
        let ed25519 = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let okp = |alg| json!({ "kty": "OKP", "crv": "Ed25519", "x": ed25519, "alg": alg });
        let ec = |crv, alg| json!({ "kty": "EC", "crv": crv, "x": "AA", "y": "AA", "alg": alg });
        let rsa = |length, alg| json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![255; length]), "e": "AQAB", "alg": alg });
        assert_eq!(of(okp("EdDSA")), Some(Algorithm::EdDSA));
        assert_eq!(of(ec("P-256", "ES256")), Some(Algorithm::ES256));
        assert_eq!(of(rsa(256, "RS256")), Some(Algorithm::RS256));
        assert_eq!(of(rsa(256, "PS256")), Some(Algorithm::PS256));
        let unfit = [
            okp("ES256"),
            ec("P-384", "ES256"),
            ec("P-256", "RS256"),
            rsa(128, "PS256"),
            rsa(256, "RS384"),
            rsa(256, "EdDSA"),
            json!({ "kty": "oct", "k": "AA", "alg": "HS256" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        ];
        for key in unfit {
            assert_eq!(of(key.clone()), None, "{key}");
        }
    }
}
