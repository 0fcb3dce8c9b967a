//! Encryption of private keys with a passphrase: `EncryptedPrivateKeyInfo` (RFC 5208 §6) by PBES2 (RFC 8018 §6.2)
//! with PBKDF2-HMAC-SHA256 and AES-256-CBC, compatible with `openssl pkey`.

use std::{fmt, num::NonZeroU32};

use aws_lc_rs::{
    cipher::{
        AES_256, AES_256_KEY_LEN, AES_CBC_IV_LEN, DecryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    error::Unspecified,
    iv::FixedLength,
    pbkdf2::{self, PBKDF2_HMAC_SHA256},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

/// OWASP's recommendation for SHA-256: a quarter of a second for each guess.
const ITERATIONS: u32 = 600_000;
/// Upper limit, as more would delay start-up for minutes.
const MOST_ITERATIONS: u32 = 20_000_000;
const SALT: usize = 16;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
/// 1.2.840.113549.1.5.13, 1.2.840.113549.1.5.12, 1.2.840.113549.2.9, 2.16.840.1.101.3.4.1.42
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
const NULL: &[u8] = &[0x05, 0x00];

/// The passphrase that encrypts private keys.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Trims the text, such as the newline of a file; `None` if it is blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    fn key(&self, salt: &[u8], iterations: NonZeroU32) -> Result<UnboundCipherKey, Unspecified> {
        let mut key = Zeroizing::new([0; AES_256_KEY_LEN]);
        pbkdf2::derive(PBKDF2_HMAC_SHA256, iterations, salt, self.0.as_bytes(), &mut *key);
        UnboundCipherKey::new(&AES_256, &*key)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Encrypts PKCS#8.
pub(crate) fn encrypt(der: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, Unspecified> {
    let mut salt = [0; SALT];
    SystemRandom::new().fill(&mut salt)?;
    let key = passphrase.key(&salt, NonZeroU32::new(ITERATIONS).ok_or(Unspecified)?)?;
    let mut text = der.to_vec();
    let context = PaddedBlockEncryptingKey::cbc_pkcs7(key)?.encrypt(&mut text)?;
    let iv: &[u8] = (&context).try_into().map_err(|_| Unspecified)?;
    let derivation = value(SEQUENCE, &[&value(OID, &[PBKDF2]), &parameters(&salt)]);
    let cipher = value(SEQUENCE, &[&value(OID, &[AES_256_CBC]), &value(OCTETS, &[iv])]);
    let scheme = value(SEQUENCE, &[&derivation, &cipher]);
    let algorithm = value(SEQUENCE, &[&value(OID, &[PBES2]), &scheme]);
    Ok(value(SEQUENCE, &[&algorithm, &value(OCTETS, &[&text])]))
}

fn parameters(salt: &[u8]) -> Vec<u8> {
    let function = value(SEQUENCE, &[&value(OID, &[HMAC_SHA256]), NULL]);
    // The first byte of three has its highest bit unset, so that the number is positive.
    let iterations = value(INTEGER, &[&ITERATIONS.to_be_bytes()[1..]]);
    value(SEQUENCE, &[&value(OCTETS, &[salt]), &iterations, &function])
}

/// Decrypts; `None` for another scheme, a wrong passphrase, or malformed input.
pub(crate) fn decrypt(der: &[u8], passphrase: &Passphrase) -> Option<Zeroizing<Vec<u8>>> {
    let mut whole = only(SEQUENCE, der)?;
    let mut algorithm = take(SEQUENCE, &mut whole)?;
    let text = only(OCTETS, whole)?;
    is(PBES2, &mut algorithm)?;
    let mut scheme = only(SEQUENCE, algorithm)?;
    let mut derivation = take(SEQUENCE, &mut scheme)?;
    let mut cipher = only(SEQUENCE, scheme)?;
    is(PBKDF2, &mut derivation)?;
    let mut parameters = only(SEQUENCE, derivation)?;
    let salt = take(OCTETS, &mut parameters)?;
    let iterations = number(take(INTEGER, &mut parameters)?)?;
    // An optional key length; the cipher has one length only.
    let _ = take(INTEGER, &mut parameters);
    is(HMAC_SHA256, &mut take(SEQUENCE, &mut parameters)?)?;
    is(AES_256_CBC, &mut cipher)?;
    let iv: [u8; AES_CBC_IV_LEN] = only(OCTETS, cipher)?.try_into().ok()?;
    let key = passphrase.key(salt, iterations).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let length = key.decrypt(&mut text, context).ok()?.len();
    text.truncate(length);
    Some(text)
}

/// Encodes a DER value (X.690 §8.1): tag, length, contents.
fn value(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = contents.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut whole = vec![tag];
    match significant {
        [] => whole.push(0),
        [short] if *short < 0x80 => whole.push(*short),
        long => {
            // At most eight bytes.
            whole.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            whole.extend_from_slice(long);
        }
    }
    whole.extend(contents);
    whole
}

/// Takes the next DER value's contents; it must have this tag.
fn take<'a>(tag: u8, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&[own, first], after) = rest.split_first_chunk::<2>()?;
    let (length, after) = match first {
        0..0x80 => (usize::from(first), after),
        _ => {
            let (bytes, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            let add = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
            (bytes.iter().try_fold(0, add)?, after)
        }
    };
    let (contents, after) = after.split_at_checked(length)?;
    (own == tag).then(|| {
        *rest = after;
        contents
    })
}

fn only(tag: u8, mut der: &[u8]) -> Option<&[u8]> {
    let contents = take(tag, &mut der)?;
    der.is_empty().then_some(contents)
}

fn is(oid: &[u8], rest: &mut &[u8]) -> Option<()> {
    (take(OID, rest)? == oid).then_some(())
}

fn number(bytes: &[u8]) -> Option<NonZeroU32> {
    let add = |sum: u32, byte: &u8| sum.checked_mul(256)?.checked_add(u32::from(*byte));
    let number = bytes.iter().try_fold(0, add)?;
    NonZeroU32::new(number).filter(|number| number.get() <= MOST_ITERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_opens_with_its_passphrase_alone() {
        let right = Passphrase::new("correct horse\n").unwrap();
        let wrong = Passphrase::new("correct house").unwrap();
        let text = [7; 1200];
        let encrypted = encrypt(&text, &right).unwrap();
        assert_eq!(decrypt(&encrypted, &right).unwrap().as_slice(), text);
        // One wrong passphrase in 256 yields valid padding, but not the text.
        assert!(decrypt(&encrypted, &wrong).is_none_or(|other| other.as_slice() != text));
        assert!(Passphrase::new(" \n").is_none());
        for end in [0, 1, 20, 80, encrypted.len() - 1] {
            assert!(decrypt(&encrypted[..end], &right).is_none(), "{end}");
        }
        for start in [2, 4, 6] {
            assert!(decrypt(&encrypted[start..], &right).is_none(), "{start}");
        }
    }
}
