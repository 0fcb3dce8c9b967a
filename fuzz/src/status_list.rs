//! Token Status Lists (draft-ietf-oauth-status-list-12), as the `verifier` reads them.

use std::io::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::json;

use crate::issuer::{self, LIST, NOW};

/// The first byte says what the rest is: the list's claims, its compressed bytes, or its statuses.
pub fn status_list(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 4 {
        0 => drop(judge_under(rest, 0)),
        1 => drop(judge_under(&claims(1, rest), 0)),
        2 => drop(issuer::judge(&good_token(0), &String::from_utf8_lossy(rest))),
        _ => statuses(rest),
    }
}

/// A token is accepted if and only if its own status, and no neighbour's, is VALID (§7.1).
fn statuses(data: &[u8]) {
    let [size, index, bytes @ ..] = data else { return };
    let bits = 1_usize << (size % 4);
    let per_byte = 8 / bits;
    let index = usize::from(*index);
    let status = bytes
        .get(index / per_byte)
        .map(|byte| (byte >> (index % per_byte * bits)) & (u8::MAX >> (8 - bits)));
    let accepted = judge_under(&claims(bits, &packed(bytes)), index as u64);
    assert_eq!(
        accepted,
        status == Some(0),
        "{bits} bits, index {index}, {status:?}"
    );
}

fn judge_under(claims: &[u8], index: u64) -> bool {
    let list = issuer::sign(&issuer::header("statuslist+jwt"), claims);
    issuer::judge(&good_token(index), &list).is_ok()
}

fn good_token(index: u64) -> String {
    issuer::sign(
        &issuer::header("at+jwt"),
        issuer::claims(index).to_string().as_bytes(),
    )
}

fn claims(bits: usize, compressed: &[u8]) -> Vec<u8> {
    let lst = URL_SAFE_NO_PAD.encode(compressed);
    json!({
        "sub": LIST, "iat": NOW, "exp": NOW + 60, "ttl": 10,
        "status_list": { "bits": bits, "lst": lst },
    })
    .to_string()
    .into_bytes()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// The signed list on which the first thousand statuses are VALID.
pub(crate) fn of_nobody() -> String {
    issuer::sign(&issuer::header("statuslist+jwt"), &claims(1, &packed(&[0; 128])))
}
