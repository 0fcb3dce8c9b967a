//! A foreign public key (RFC 7517, RFC 7518 §6, RFC 8037), validated and parsed once.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::KeyRejected,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2_types::algorithm::Algorithm;
use serde_json::{Map, Value};

use crate::algorithm;

/// Private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// RSA modulus: the least by RFC 7518 §3.3, §3.5; the upper bound limits the cost of a verification, which with 8192
/// bits exceeds that of ten tokens.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// F4. Smaller exponents have broken real padding implementations.
const MIN_EXPONENT: u64 = 65_537;
/// No real key has a longer one (FIPS 186-5 allows 256 bits; libraries stop at 33).
const MAX_EXPONENT_BYTES: usize = 4;

/// Why a key is unsuitable. The texts give the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitKey {
    /// A member is missing, of the wrong type, or no base64url.
    #[error("the key is malformed")]
    Malformed,
    /// It holds private members.
    #[error("this is a private key")]
    Private,
    /// An unsupported key type or curve.
    #[error("use a key on the curve P-256 or Ed25519, or an RSA key")]
    Kind,
    /// The coordinates are no point on the curve.
    #[error("the key is no point of its curve")]
    NotOnCurve,
    /// The RSA modulus is too short or too long.
    #[error("an RSA key needs 2048 to 4096 bits")]
    Size,
    /// The RSA exponent or modulus is invalid.
    #[error("the RSA key has an odd modulus and an odd exponent from 65537 to 4294967295")]
    Exponent,
    /// The RSA modulus can be factored (ROCA, CVE-2017-15361).
    #[error(
        "the RSA key was made by a chip whose keys anybody can break (CVE-2017-15361): make another one, in software"
    )]
    Broken,
    /// `use`, `key_ops` or `alg` declare another purpose.
    #[error("use, key_ops or alg of the key say that it is for something else")]
    Purpose,
}

#[derive(Clone)]
enum Parsed {
    P256(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    Rsa {
        pkcs1: ParsedPublicKey,
        pss: ParsedPublicKey,
    },
}

/// A public key, usable with one or two algorithms.
#[derive(Clone)]
pub struct PublicKey {
    parsed: Parsed,
    jwk: Map<String, Value>,
    thumbprint: String,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Parses a JWK. Unknown members are ignored, private ones refused.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, UnfitKey> {
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(UnfitKey::Private);
        }
        let text = |name| jwk.get(name).and_then(Value::as_str).ok_or(UnfitKey::Malformed);
        let bytes = |name| {
            let text = text(name)?;
            URL_SAFE_NO_PAD.decode(text).map_err(|_| UnfitKey::Malformed)
        };
        let key = match text("kty")? {
            "EC" if text("crv")? == "P-256" => Self::p256(&bytes("x")?, &bytes("y")?),
            "OKP" if text("crv")? == "Ed25519" => Self::ed25519(&bytes("x")?),
            "RSA" => Self::rsa(&bytes("n")?, &bytes("e")?),
            _ => Err(UnfitKey::Kind),
        }?;
        if is_for_signatures(jwk) && key.has_declared_algorithm(jwk) {
            Ok(key)
        } else {
            Err(UnfitKey::Purpose)
        }
    }

    /// A P-256 point from its coordinates.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, UnfitKey> {
        if x.len() != 32 || y.len() != 32 {
            return Err(UnfitKey::NotOnCurve);
        }
        let point = [&[4], x, y].concat();
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let parsed = parsed.map_err(|_: KeyRejected| UnfitKey::NotOnCurve)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = [("crv", "P-256"), ("kty", "EC"), ("x", &x), ("y", &y)];
        Ok(Self::with(Parsed::P256(parsed), &jwk))
    }

    /// An Ed25519 key from its 32 bytes.
    pub fn ed25519(x: &[u8]) -> Result<Self, UnfitKey> {
        if x.len() != 32 {
            return Err(UnfitKey::NotOnCurve);
        }
        let parsed = ParsedPublicKey::new(&ED25519, x);
        let parsed = parsed.map_err(|_: KeyRejected| UnfitKey::NotOnCurve)?;
        let x = URL_SAFE_NO_PAD.encode(x);
        let jwk = [("crv", "Ed25519"), ("kty", "OKP"), ("x", &x)];
        Ok(Self::with(Parsed::Ed25519(parsed), &jwk))
    }

    /// An RSA key from modulus and exponent, big-endian without leading zeros.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, UnfitKey> {
        let (Some(first), Some(last)) = (n.first(), n.last()) else {
            return Err(UnfitKey::Malformed);
        };
        if *first == 0 || e.first().is_none_or(|first| *first == 0) {
            return Err(UnfitKey::Malformed);
        }
        if !RSA_BITS.contains(&(n.len() * 8 - first.leading_zeros() as usize)) {
            return Err(UnfitKey::Size);
        }
        let exponent = e
            .iter()
            .take(8)
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let sound = e.len() <= MAX_EXPONENT_BYTES && exponent >= MIN_EXPONENT && exponent % 2 == 1;
        if !sound || last % 2 == 0 {
            return Err(UnfitKey::Exponent);
        }
        if is_of_broken_generator(n) {
            return Err(UnfitKey::Broken);
        }
        let components = RsaPublicKeyComponents { n, e };
        let parsed = |parameters| {
            let parsed = components.to_parsed_public_key(parameters);
            parsed.map_err(|_: KeyRejected| UnfitKey::Malformed)
        };
        let parsed = Parsed::Rsa {
            pkcs1: parsed(&RSA_PKCS1_2048_8192_SHA256)?,
            pss: parsed(&RSA_PSS_2048_8192_SHA256)?,
        };
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        Ok(Self::with(parsed, &[("e", &e), ("kty", "RSA"), ("n", &n)]))
    }

    /// The algorithms it can be used with, the preferred one first.
    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self.parsed {
            Parsed::P256(_) => &[Algorithm::ES256],
            Parsed::Ed25519(_) => &[Algorithm::EdDSA],
            Parsed::Rsa { .. } => &[Algorithm::PS256, Algorithm::RS256],
        }
    }

    /// Verifies a signature with this algorithm.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = match (&self.parsed, algorithm) {
            (Parsed::P256(key), Algorithm::ES256) | (Parsed::Ed25519(key), Algorithm::EdDSA) => key,
            (Parsed::Rsa { pkcs1, .. }, Algorithm::RS256) => pkcs1,
            (Parsed::Rsa { pss, .. }, Algorithm::PS256) => pss,
            _ => return false,
        };
        key.verify_sig(message, signature).is_ok()
    }

    /// The RFC 7638 thumbprint: base64url of SHA-256 over the JWK's required members.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The JWK's required members and nothing else.
    pub fn jwk(&self) -> &Map<String, Value> {
        &self.jwk
    }

    /// Members are sorted, as RFC 7638 §3.2 requires for hashing.
    fn with(parsed: Parsed, members: &[(&str, &str)]) -> Self {
        let text: Vec<String> = members
            .iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect();
        let text = format!("{{{}}}", text.join(","));
        let jwk = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let jwk = jwk.collect();
        Self {
            parsed,
            jwk,
            thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())),
        }
    }

    fn has_declared_algorithm(&self, jwk: &Map<String, Value>) -> bool {
        jwk.get("alg").is_none_or(|alg| {
            let declared = alg.as_str().and_then(algorithm::named);
            declared.is_some_and(|declared| self.algorithms().contains(&declared))
        })
    }
}

/// Whether the modulus has the fingerprint of ROCA (Nemec et al., CCS 2017, §2): modulo each of these primes it is a
/// power of 65537. So is that of one sound key in two hundred million.
fn is_of_broken_generator(n: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let rest = n
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut powers = (0..*prime).scan(1, |power, _| {
            let this = *power;
            *power = this * (65_537 % prime) % prime;
            Some(this)
        });
        powers.any(|power| power == rest)
    })
}

/// The odd ones of the 39 primes used by the vulnerable generator.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let used = jwk.get("use").is_none_or(|used| used == "sig");
    let operations = jwk.get("key_ops").is_none_or(|operations| {
        let mut operations = operations.as_array().into_iter().flatten();
        operations.any(|operation| operation == "verify")
    });
    used && operations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(jwk: Value) -> Result<PublicKey, UnfitKey> {
        PublicKey::from_jwk(jwk.as_object().unwrap())
    }

    /// RFC 7638 §3.1.
    const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    /// RFC 7517 appendix A.1.
    const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
    const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

    #[test]
    fn k03_a_thumbprint_is_that_of_rfc_7638() {
        let key = of(json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" }));
        let key = key.unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(key.algorithms(), [Algorithm::PS256, Algorithm::RS256]);
        // RFC 8037 appendix A.3.
        let okp =
            of(json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }));
        assert_eq!(
            okp.unwrap().thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
        assert_eq!(
            of(json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y }))
                .unwrap()
                .algorithms(),
            [Algorithm::ES256]
        );
    }

    #[test]
    fn k03_unfit_keys_are_refused_with_the_reason() {
        let ec = |x: &str, y: &str, more: Value| {
            let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
            let more = more.as_object().unwrap().clone();
            jwk.as_object_mut().unwrap().extend(more);
            jwk
        };
        let rsa = |n: &[u8], e: &str| json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": e });
        let odd = |length: usize| vec![0xFF; length];
        let mut even = odd(256);
        even[255] = 0xFE;
        let refused = [
            (json!({}), UnfitKey::Malformed),
            (json!({ "kty": "oct", "k": "AA" }), UnfitKey::Private),
            (ec(X, Y, json!({ "d": "AA" })), UnfitKey::Private),
            (ec(X, X, json!({})), UnfitKey::NotOnCurve),
            (ec("AA", Y, json!({})), UnfitKey::NotOnCurve),
            (ec(&format!("{X}="), Y, json!({})), UnfitKey::Malformed),
            (ec(X, Y, json!({ "crv": "P-384" })), UnfitKey::Kind),
            (ec(X, Y, json!({ "crv": "secp256k1" })), UnfitKey::Kind),
            (ec(X, Y, json!({ "use": "enc" })), UnfitKey::Purpose),
            (ec(X, Y, json!({ "key_ops": ["sign"] })), UnfitKey::Purpose),
            (ec(X, Y, json!({ "alg": "RS256" })), UnfitKey::Purpose),
            (ec(X, Y, json!({ "alg": "none" })), UnfitKey::Purpose),
            (rsa(&odd(128), "AQAB"), UnfitKey::Size),
            (rsa(&odd(255), "AQAB"), UnfitKey::Size),
            (rsa(&odd(513), "AQAB"), UnfitKey::Size),
            (rsa(&odd(1025), "AQAB"), UnfitKey::Size),
            (rsa(&odd(256), "Aw"), UnfitKey::Exponent),
            (rsa(&odd(256), "AQ"), UnfitKey::Exponent),
            (rsa(&odd(256), "AQAA"), UnfitKey::Exponent),
            (rsa(&odd(256), "AQAAAAE"), UnfitKey::Exponent),
            (rsa(&odd(256), ""), UnfitKey::Malformed),
            (rsa(&odd(256), "AAEAAQ"), UnfitKey::Malformed),
            (rsa(&even, "AQAB"), UnfitKey::Exponent),
            (rsa(&[&[0], &odd(256)[..]].concat(), "AQAB"), UnfitKey::Malformed),
        ];
        for (jwk, reason) in refused {
            assert_eq!(of(jwk.clone()).err(), Some(reason), "{jwk}");
        }
    }

    #[test]
    fn k03_a_key_verifies_by_its_own_algorithm_only() {
        use aws_lc_rs::{
            rand::SystemRandom,
            signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
        };
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let key = PublicKey::p256(&point[..32], &point[32..]).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
        assert!(key.verify(Algorithm::ES256, b"message", signature.as_ref()));
        assert!(!key.verify(Algorithm::ES256, b"massage", signature.as_ref()));
        assert!(!key.verify(Algorithm::RS256, b"message", signature.as_ref()));
        assert!(!key.verify(Algorithm::ES256, b"message", &[0; 64]));
    }
}
