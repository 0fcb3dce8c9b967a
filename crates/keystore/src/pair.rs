//! The cryptography of each algorithm: generating a key pair, loading it from its file, signing. The only place where
//! algorithms differ.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaEncoding, RsaKeyPair,
    },
};
use jsonwebtoken::EncodingKey;
use oauth2_types::algorithm::Algorithm;
use zeroize::Zeroizing;

/// A parsed private key, kept in memory: parsing it for every token would cost more than the signature.
pub(crate) enum Pair {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Pair {
    /// Generates a key as PKCS#8: P-256, RSA with 2048 bits, or Ed25519.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let held = |document: &[u8]| Zeroizing::new(document.to_vec());
        Ok(match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                held(pair.to_pkcs8v1()?.as_ref())
            }
            Algorithm::RS256 | Algorithm::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                held(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref())
            }
            Algorithm::EdDSA => held(Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref()),
        })
    }

    /// Parses PKCS#8.
    pub(crate) fn parse(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyRejected> {
        let rsa = || RsaKeyPair::from_pkcs8(der).map(Box::new);
        Ok(match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)?;
                Self::Ecdsa(Box::new(pair))
            }
            Algorithm::RS256 => Self::Rsa(rsa()?, &RSA_PKCS1_SHA256),
            Algorithm::PS256 => Self::Rsa(rsa()?, &RSA_PSS_SHA256),
            Algorithm::EdDSA => Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(der)?)),
        })
    }

    /// The same key for jsonwebtoken, which derives the public JWK.
    pub(crate) fn encoding_key(
        algorithm: Algorithm,
        pem: &[u8],
    ) -> jsonwebtoken::errors::Result<EncodingKey> {
        match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
            Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(pem),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
        }
    }

    /// Signs, in the format of RFC 7518 §3.3 to §3.5 and RFC 8037 §3.1.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Ecdsa(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                signature
            }
            Self::Ed25519(pair) => pair.try_sign(message)?.as_ref().to_vec(),
        })
    }
}
